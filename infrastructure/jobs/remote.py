"""Runs that happen elsewhere: one face for OSMO and AzureML, and following a run to its end."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, Protocol

from ..contracts import Contract
from .errors import JobError

EngineName = Literal["osmo", "azureml"]
PAUSE_S = 5.0
"""Between looks: a status costs the service a few queries."""


class RemoteTask(Contract):
    """One task of a run elsewhere."""

    name: str
    status: str
    """In OSMO's words, whichever engine it is: WAITING, RUNNING, COMPLETED, FAILED, FAILED_CANCELED, …"""
    exit_code: int | None = None
    reason: str = ""


class RemoteRun(Contract):
    """How far a run elsewhere is."""

    engine: EngineName
    id: str
    status: str
    tasks: tuple[RemoteTask, ...] = ()
    page: str = ""
    """Where people look at it in a browser."""

    @property
    def handle(self) -> str:
        """What `physai jobs follow` takes: `osmo:flywheel-7`."""
        return f"{self.engine}:{self.id}"

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self.status == "COMPLETED" or self.status.startswith("FAILED")

    def raise_for_failure(self) -> None:
        """Do nothing unless it has failed.

        Raises:
            RemoteFailedError: If it has.
        """
        if self.status.startswith("FAILED"):
            raise RemoteFailedError(self)


class Fetched(Contract):
    """What came from a run elsewhere."""

    run: str
    folder: str
    outputs: dict[str, str]
    """Task → folder of its files here."""
    left: dict[str, str]
    """Task → why there was nothing to fetch."""


class RemoteEngine(Protocol):
    """What OSMO and AzureML both can do."""

    def look(self, run: str) -> RemoteRun:
        """How far a run is."""
        ...

    def logs(self, run: str, task: str) -> Iterator[str]:
        """What a task has printed, in pieces; on a run that goes on, until it ends."""
        ...

    def cancel(self, run: str) -> None:
        """Ask for its end."""
        ...

    def fetch(self, run: str, folder: Path) -> Fetched:
        """Bring the outputs of its tasks here, one folder a task."""
        ...


class RemoteFailedError(JobError):
    """A run elsewhere ended without success."""

    def __init__(self, run: RemoteRun) -> None:
        failed = [task for task in run.tasks if task.status.startswith("FAILED") and task.status != "FAILED_UPSTREAM"]
        first = failed[0] if failed else None
        what = f"task '{first.name}': {first.status} {first.reason}".strip() if first else run.status
        mend = f"`physai jobs logs {run.handle} {first.name}` shows why." if first else "Look at its page."
        super().__init__(f"{run.handle} failed: {what}. {mend}")


class UnknownHandleError(JobError):
    """Text that names no run elsewhere."""

    def __init__(self, text: str) -> None:
        super().__init__(f"'{text}' names no run. Write osmo:ID or azureml:ID, as `physai jobs submit` prints it.")


OnChange = Callable[[RemoteTask], None]


def follow(engine: RemoteEngine, run: str, on_change: OnChange, pause_s: float = PAUSE_S) -> RemoteRun:
    """Look again and again until a run is over.

    Args:
        engine: Where it runs.
        run: Its id there.
        on_change: Told every task whose status is new.
        pause_s: Between looks.
    """
    told: dict[str, str] = {}
    while True:
        state = engine.look(run)
        for task in state.tasks:
            if told.get(task.name) != task.status:
                told[task.name] = task.status
                on_change(task)
        if state.over:
            return state
        time.sleep(pause_s)


def split_handle(text: str) -> tuple[EngineName, str]:
    """`osmo:flywheel-7` → ("osmo", "flywheel-7").

    Raises:
        UnknownHandleError: If it has another form.
    """
    engine, colon, run = text.partition(":")
    if colon and run and engine in ("osmo", "azureml"):
        return ("osmo" if engine == "osmo" else "azureml"), run
    raise UnknownHandleError(text)
