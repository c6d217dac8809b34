"""The run folder: what has been done, kept so that a run can be continued after any end."""

import fcntl
import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import IO, Literal, Self

from pydantic import AwareDatetime, ValidationError

from ..contracts import Contract, Digest, write_whole
from .errors import BusyRunError, RunFolderError, RunStateError


class Status(StrEnum):
    """Of a task or of a workflow, in OSMO's words."""

    WAITING = "WAITING"
    RUNNING = "RUNNING"
    RESCHEDULED = "RESCHEDULED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    FAILED_START_ERROR = "FAILED_START_ERROR"
    FAILED_EXEC_TIMEOUT = "FAILED_EXEC_TIMEOUT"
    FAILED_UPSTREAM = "FAILED_UPSTREAM"
    FAILED_CANCELED = "FAILED_CANCELED"

    @property
    def failed(self) -> bool:
        """Whether it ended without success."""
        return self.startswith("FAILED")


class TaskRecord(Contract):
    """What became of one task."""

    status: Status = Status.WAITING
    key: Digest | None = None
    """Identity of what it does; None before its first start."""
    result: str = ""
    """A new word for every completion, so that what was made from an older one is made again."""
    attempt: int = 0
    """Starts in the latest run, from 1."""
    started_at: AwareDatetime | None = None
    seconds: float | None = None
    """Of the latest attempt."""
    exit_code: int | None = None
    """128 + signal for a process that a signal ended."""
    peak_memory_bytes: int | None = None
    """Most that was seen, once a second, of the task and all it started."""
    reason: str = ""


class RunState(Contract):
    """`state.json`."""

    kind: Literal["workflow-run"] = "workflow-run"
    version: Literal[1] = 1
    workflow: str
    file: str
    uuid: str
    revision: int = 0
    """Counts the times the whole state was written; lines of the journal belong to one of them."""
    status: Status = Status.WAITING
    tasks: dict[str, TaskRecord] = {}


class Change(Contract):
    """One line of `changes.jsonl`: a record that is newer than that in `state.json`."""

    revision: int
    task: str
    record: TaskRecord


class RunFolder:
    """`state.json` and the changes since it was written, and by task `logs/`, `outputs/`, `inputs/`, `work/`."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    @property
    def state_file(self) -> Path:
        """The file that makes a folder a run folder."""
        return self.root / "state.json"

    @property
    def workflow_id(self) -> str:
        """What `{{workflow_id}}` is."""
        return self.root.name

    def output(self, task: str) -> Path:
        """What `{{output}}` is."""
        return self.root / "outputs" / task

    def inputs(self, task: str) -> Path:
        """Where the task's downloads and filtered inputs lie."""
        return self.root / "inputs" / task

    def work(self, task: str) -> Path:
        """The task's current folder; new at every start."""
        return self.root / "work" / task

    def log(self, task: str) -> Path:
        """What the task printed, all attempts one after another."""
        return self.root / "logs" / f"{task}.log"

    def listing(self, task: str) -> Path:
        """Names and sizes of the files in the output of a completed task."""
        return self.root / "listings" / f"{task}.txt"

    @property
    def changes_file(self) -> Path:
        """What has changed since `state.json` was written, a line each; so a change costs the same in any run."""
        return self.root / "changes.jsonl"

    def read(self) -> RunState | None:
        """The state, or None if nothing ran here.

        Raises:
            RunStateError: If the file holds something else.
        """
        try:
            state = RunState.model_validate_json(self.state_file.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError as error:
            first = error.errors()[0]
            raise RunStateError(self.state_file, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
        newer = {change.task: change.record for change in self._changes(state.revision)}
        return state.model_copy(update={"tasks": {**state.tasks, **newer}}) if newer else state

    def _changes(self, revision: int) -> Iterator[Change]:
        try:
            *lines, _torn = self.changes_file.read_bytes().split(b"\n")
        except FileNotFoundError:
            return
        for line in lines:
            try:
                change = Change.model_validate_json(line)
            except ValidationError as error:
                raise RunStateError(self.changes_file, str(error.errors()[0]["msg"])) from error
            if change.revision == revision:  # else it is older than the state, which was written just before a kill
                yield change

    def write(self, state: RunState) -> None:
        """Replace the state whole.

        Raises:
            RunFolderError: If the disk does not take it.
        """
        try:
            write_whole(self.state_file, state.model_dump_json(indent=1).encode())
            self.changes_file.unlink(missing_ok=True)
        except OSError as error:
            raise RunFolderError(self.state_file, error) from error

    def append(self, changes: Iterable[Change]) -> None:
        """Write down changes to the state that was written last.

        Raises:
            RunFolderError: If the disk does not take them.
        """
        lines = b"".join(change.model_dump_json().encode() + b"\n" for change in changes)
        try:
            with self.changes_file.open("ab") as file:
                file.write(lines)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise RunFolderError(self.changes_file, error) from error

    @contextmanager
    def locked(self) -> Iterator[Self]:
        """Keep every other engine out.

        Raises:
            BusyRunError: If one is in.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / ".lock").open("a+") as file:
            if not _lock(file):
                file.seek(0)
                raise BusyRunError(self.root, file.read().strip())
            file.truncate(0)
            file.write(f"process {os.getpid()}, since {time.strftime('%Y-%m-%d %H:%M:%S')}")
            file.flush()
            yield self

    def is_locked(self) -> bool:
        """Whether an engine works in this folder."""
        try:
            with (self.root / ".lock").open() as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def holder(self) -> int | None:
        """The process whose engine works in this folder."""
        if not self.is_locked():
            return None
        match = re.match(r"process (\d+)", (self.root / ".lock").read_text())
        return int(match[1]) if match else None

    def list_output(self, task: str) -> str:
        """Lines `<bytes> <relative path>` of the files in a task's output, sorted."""
        root = self.output(task)
        found = ((path.relative_to(root).as_posix(), path) for path in root.rglob("*") if path.is_file())
        return "".join(f"{path.stat().st_size} {name}\n" for name, path in sorted(found))

    def is_whole(self, task: str) -> bool:
        """Whether all files that a completed task left are there, in their size."""
        try:
            left = self.listing(task).read_text().splitlines()
        except FileNotFoundError:
            return False
        return self.output(task).is_dir() and set(left) <= set(self.list_output(task).splitlines())


def _lock(file: IO[str]) -> bool:
    """Take the lock; a glance of `is_locked` may be in the way for a moment."""
    for pause_s in (0.02, 0.1, 0.0):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(pause_s)
        else:
            return True
    return False


def new_word() -> str:
    """A word that was never used."""
    return secrets.token_hex(8)
