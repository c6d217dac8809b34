"""What the engine tells while it runs, and what it returns at the end."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..contracts import Contract
from .errors import RunCanceledError, TaskFailedError
from .logs import last_line
from .state import Status


@dataclass(frozen=True)
class RunStarted:
    """A run is about to begin or to go on."""

    workflow: str
    run_dir: Path
    tasks: tuple[str, ...]
    logs: dict[str, Path]


@dataclass(frozen=True)
class Note:
    """Something to know, once."""

    text: str


@dataclass(frozen=True)
class TaskChanged:
    """A task has a new status."""

    task: str
    status: Status
    up_to_date: bool = False
    """It was done before, and nothing has changed."""
    attempt: int = 0
    seconds: float | None = None
    exit_code: int | None = None
    reason: str = ""


class TaskResult(Contract):
    """How a task ended."""

    status: Status
    up_to_date: bool
    """True if it was done in an earlier run."""
    seconds: float | None
    """Of its last attempt, whenever that was."""
    exit_code: int | None
    reason: str
    output: str
    log: str


class RunResult(Contract):
    """How a run ended."""

    workflow: str
    run_dir: str
    status: Status
    up_to_date: bool
    """True if every task was done before, so that nothing was started."""
    seconds: float
    tasks: dict[str, TaskResult]

    def output(self, task: str) -> Path:
        """The folder that was the task's `{{output}}`."""
        return Path(self.tasks[task].output)

    def raise_for_failure(self) -> None:
        """Do nothing after success.

        Raises:
            RunCanceledError: If it was stopped by hand.
            TaskFailedError: If a task failed.
        """
        if self.status is Status.COMPLETED:
            return
        if self.status is Status.FAILED_CANCELED:
            raise RunCanceledError(Path(self.run_dir))
        causes = (Status.FAILED_UPSTREAM, Status.FAILED_CANCELED)
        failed = {name: task for name, task in self.tasks.items() if task.status.failed and task.status not in causes}
        name, task = next(iter(failed.items()))
        raise TaskFailedError(name, task.reason, Path(task.log), last_line(Path(task.log)))


@dataclass(frozen=True)
class RunFinished:
    """A run has ended."""

    result: RunResult


Event = RunStarted | Note | TaskChanged | RunFinished
OnEvent = Callable[[Event], None]
