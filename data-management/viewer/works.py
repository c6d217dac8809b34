"""Long work that goes on while the browser does something else: judging, validating, editing."""

import logging
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Literal

from pydantic import AwareDatetime

from physai.infrastructure.contracts import Contract
from physai.infrastructure.errors import PhysaiError

from .errors import BusyWorkError, UnknownError

KEPT = 200
log = logging.getLogger(__name__)
Track = Callable[[Iterable[int]], Iterable[int]]


class Work(Contract):
    """A piece of work and how far it is."""

    id: str
    title: str
    dataset: str
    """Id of the dataset it works on; one at a time."""
    by: str
    started_at: AwareDatetime
    state: Literal["running", "done", "failed"] = "running"
    done: int = 0
    total: int = 0
    """0 while it is not known."""
    detail: str = ""
    """What came of it, or why it failed."""
    link: str = ""
    """Where the result is to be seen."""


class Works:
    """Work of this process; what it made is on disk, so a restart forgets only the telling."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="work")
        self._works: dict[str, Work] = {}
        self._lock = threading.Lock()

    def start(self, title: str, dataset: str, by: str, act: Callable[[Track], tuple[str, str]]) -> Work:
        """Begin.

        Args:
            title: What is done, for people.
            dataset: Id of the dataset; nothing else may be at work on it.
            by: Who asked.
            act: Does it, given a wrapper that counts; returns what came of it and where that is.

        Raises:
            BusyWorkError: If something works on that dataset.
        """
        with self._lock:
            busy = next((w for w in self._works.values() if w.dataset == dataset and w.state == "running"), None)
            if busy is not None:
                raise BusyWorkError(busy.title)
            work = Work(id=secrets.token_hex(8), title=title, dataset=dataset, by=by, started_at=datetime.now(UTC))
            for old in [w.id for w in self._works.values() if w.state != "running"][: max(0, len(self._works) - KEPT)]:
                del self._works[old]
            self._works[work.id] = work
        self._pool.submit(self._run, work.id, act)
        return work

    def get(self, work: str) -> Work:
        """How far it is.

        Raises:
            UnknownError: If there is none of this id.
        """
        with self._lock:
            if work not in self._works:
                raise UnknownError("work", work)
            return self._works[work]

    def list(self) -> tuple[Work, ...]:
        """The newest first."""
        with self._lock:
            return tuple(reversed(self._works.values()))

    def close(self) -> None:
        """Wait for what is going on."""
        self._pool.shutdown()

    def _run(self, work: str, act: Callable[[Track], tuple[str, str]]) -> None:
        def track(items: Iterable[int]) -> Iterator[int]:
            known = list(items)
            self._change(work, done=0, total=len(known))
            for number, item in enumerate(known):
                yield item
                self._change(work, done=number + 1)

        try:
            detail, link = act(track)
        except (PhysaiError, OSError) as error:
            self._change(work, state="failed", detail=str(error))
        except Exception:
            self._change(work, state="failed", detail="This is a fault of the viewer; its log tells more.")
            log.exception("%s", self.get(work).title)
        else:
            self._change(work, state="done", detail=detail, link=link)

    def _change(self, work: str, **update: object) -> None:
        with self._lock:
            self._works[work] = self._works[work].model_copy(update=update)
