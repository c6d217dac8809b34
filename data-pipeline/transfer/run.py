"""Sends what waits, reads it back, and only then lets it go from the edge."""

import time
from collections.abc import Callable
from datetime import datetime
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

from physai.infrastructure.aside import locked
from physai.infrastructure.contracts import Contract, Digest
from physai.infrastructure.errors import MissingFileError
from physai.infrastructure.storage import Link, MissingKeyError, StorageError, Store, UnreachableError, open_store

from .catalog import CatalogEntry
from .errors import IncompleteError, NoEdgeFolderError, NoQueueError, PriorityError, RemoteMismatchError
from .layout import find_whole
from .news import Silent
from .pace import Bandwidth, Window, wait_s
from .queue import FILE, Entry, Queue, total_bytes
from .readback import read_back
from .register import register

BLOCK_BYTES = 1 << 20  # what a cut costs at most: 0.8 s of a line of 10 Mbit/s
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 30.0
Tell = Callable[[int, int], None]


class Plan(NamedTuple):
    """How to transfer."""

    limit_mbit_s: float | None = None
    windows: tuple[Window, ...] = ()
    priorities: tuple[tuple[str, int], ...] = ()
    """Pattern of a path and its priority; the highest that fits counts, 0 if none does."""
    keep_h: float | None = None
    """How long a verified file stays on the edge; None: for ever."""
    attempts: int = 100
    """Tries of one file before the next one is taken."""
    azureml: bool = False
    """Whether datasets become data assets of the workspace in the settings, too."""
    sleep: Callable[[float], None] = time.sleep


class TransferReport(Contract):
    """Where the files of an edge folder are."""

    folder: str
    target: str
    waiting: int
    sent: int
    """Sent, not read back yet."""
    verified: int
    """Read back from the store, byte for byte."""
    removed: int
    """Verified, and gone from the edge."""
    waiting_bytes: int
    failures: tuple[str, ...] = ()
    """Files with an error, and which."""
    events_dropped: int = 0
    datasets: tuple[CatalogEntry, ...] = ()
    """Datasets that are whole in the store, as they are registered."""


def run(
    folder: Path, target: str, plan: Plan, news: Silent | None = None, tell: Tell = lambda _a, _b: None
) -> TransferReport:
    """Send everything that is whole, read it back, register datasets, and remove what has been kept long enough.

    Args:
        folder: Edge folder with recordings and datasets, anywhere below it.
        target: Any storage URI.
        plan: How.
        news: Who is told.
        tell: Called with the number of files that are done, and of all.

    Raises:
        NoEdgeFolderError: If there is no folder.
        OtherTargetError: If the folder's files go elsewhere.
        IncompleteError: If a file did not arrive.
    """
    if not folder.is_dir():
        raise NoEdgeFolderError(folder)
    news = news or Silent()
    store = open_store(target, _link(plan))
    client = _workspace() if plan.azureml else None  # what is not set is told before hours of sending
    with locked(folder / ".transfer.lock"), Queue(folder) as queue:
        queue.aim(store.uri)
        enqueue(queue, plan)
        todo = queue.entries("waiting", "sent")
        for done, entry in enumerate(todo):
            tell(done, len(todo))
            _wait(plan)
            _bring(queue, store, entry, plan, news)
        tell(len(todo), len(todo))
        register(queue, store, client)
        remove(queue, plan, news)
        report = _report(queue, news.dropped)
    if report.failures:
        raise IncompleteError(report.target, len(report.failures), *report.failures[0].split(": ", 1))
    return report


def status(folder: Path) -> TransferReport:
    """Where the files of a folder are.

    Raises:
        NoQueueError: If nothing was ever transferred from it.
    """
    if not (folder / FILE).exists():
        raise NoQueueError(folder)
    with Queue(folder) as queue:
        return _report(queue)


def verify(folder: Path) -> TransferReport:
    """Read back every file that was sent; one that differs is to be sent again.

    Raises:
        NoQueueError: If nothing was ever transferred from it.
        RemoteMismatchError: If the store holds other bytes, or none.
    """
    status(folder)
    with locked(folder / ".transfer.lock"), Queue(folder) as queue:
        store = open_store(queue.target, Link())
        for entry in queue.entries("sent", "verified", "removed"):
            found = _remote(store, entry)
            if found != entry.digest:
                if entry.state != "removed":
                    queue.mark(entry, "waiting", error=f"the store holds {found}")
                raise RemoteMismatchError(f"{store.uri}/{entry.key}", str(entry.digest), found)
            if entry.state == "sent":
                queue.mark(entry, "verified")
        return _report(queue)


def priority_rule(text: str) -> tuple[str, int]:
    """Read `PATTERN=NUMBER`.

    Raises:
        PriorityError: If it is something else.
    """
    pattern, _, number = text.rpartition("=")
    if not pattern or not number.lstrip("-").isdecimal():
        raise PriorityError(text)
    return pattern, int(number)


def enqueue(queue: Queue, plan: Plan) -> None:
    """Queue what is whole in the folder."""
    for whole in find_whole(queue.folder):
        path = whole.path.relative_to(queue.folder).as_posix()
        facts = whole.path.stat()
        priority = max((number for pattern, number in plan.priorities if fnmatch(path, pattern)), default=0)
        queue.add(path, whole.key, facts.st_size, facts.st_mtime_ns, priority=priority, last=whole.last)


def remove(queue: Queue, plan: Plan, news: Silent) -> None:
    """Remove from the edge what was verified long enough ago; a file that has changed since it was queued stays."""
    if plan.keep_h is None:
        return
    for entry in queue.entries("verified"):
        assert entry.verified_at is not None
        path = queue.folder / entry.path
        if time.time() - entry.verified_at >= plan.keep_h * 3600 and _is_as_queued(path, entry):
            path.unlink(missing_ok=True)  # a kill before the next line is made good by the next run
            queue.mark(entry, "removed")
            news.tell("removed", entry.key, entry.digest, entry.size_bytes)


def _is_as_queued(path: Path, entry: Entry) -> bool:
    """Whether a file is what was sent, or gone."""
    if not path.exists():
        return True
    facts = path.stat()
    return (facts.st_size, facts.st_mtime_ns) == (entry.size_bytes, entry.mtime_ns)


def _bring(queue: Queue, store: Store, entry: Entry, plan: Plan, news: Silent) -> None:
    """Send one file and read it back; on a bad line again and again, each time from where it stopped."""
    pause_s = FIRST_PAUSE_S
    for _ in range(plan.attempts):
        try:
            digest = store.put(queue.folder / entry.path, entry.key)
            queue.mark(entry, "sent", digest=digest)
            news.tell("sent", entry.key, digest, entry.size_bytes)
            _check(store, entry, digest)
        except MissingFileError:  # its owner took it away
            queue.forget(entry)
            return
        except (UnreachableError, MissingKeyError, RemoteMismatchError) as error:
            queue.mark(entry, "waiting", error=str(error))
            if isinstance(error, RemoteMismatchError):
                store.delete(entry.key)  # else its written-down digest would make the next attempt a no-op
            plan.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        except StorageError as error:  # no permission, no container: trying again would not help
            queue.mark(entry, "waiting", error=str(error))
            break
        else:
            queue.mark(entry, "verified", digest=digest)
            news.tell("verified", entry.key, digest, entry.size_bytes)
            return
    news.tell("failed", entry.key, None, entry.size_bytes, queue_error(queue, entry))


def queue_error(queue: Queue, entry: Entry) -> str:
    """Why a file is not there yet."""
    return next((found.error for found in queue.entries("waiting") if found.path == entry.path), "")


def _check(store: Store, entry: Entry, digest: Digest) -> None:
    found = read_back(store, entry.key)
    if found != digest:
        raise RemoteMismatchError(f"{store.uri}/{entry.key}", digest, found)


def _remote(store: Store, entry: Entry) -> str:
    try:
        return read_back(store, entry.key)
    except MissingKeyError:
        return "nothing"


def _link(plan: Plan) -> Link:
    if plan.limit_mbit_s is None:
        return Link(block_bytes=BLOCK_BYTES, retries=0)
    return Link(block_bytes=BLOCK_BYTES, threads=1, retries=0, pace=Bandwidth(plan.limit_mbit_s * 1e6 / 8))


def _workspace() -> Any:
    from physai.infrastructure.jobs.azureml.engine import make_client

    return make_client()


def _wait(plan: Plan) -> None:
    while (wait := wait_s(plan.windows, datetime.now().astimezone())) > 0:
        plan.sleep(min(wait, 60.0))


def _report(queue: Queue, events_dropped: int = 0) -> TransferReport:
    entries = queue.entries()
    count = {
        state: sum(entry.state == state for entry in entries) for state in ("waiting", "sent", "verified", "removed")
    }
    return TransferReport(
        folder=str(queue.folder),
        target=queue.target,
        waiting_bytes=total_bytes(entry for entry in entries if entry.state == "waiting"),
        failures=tuple(f"{entry.path}: {entry.error}" for entry in entries if entry.state == "waiting" and entry.error),
        events_dropped=events_dropped,
        datasets=queue.datasets(),
        **count,
    )
