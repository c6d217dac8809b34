"""OSMO workflows: read them, check them, run them on this machine."""

from .errors import (
    BusyRunError,
    JobError,
    Problem,
    RunCanceledError,
    RunFolderError,
    RunStateError,
    TaskFailedError,
    UnknownRunError,
    UnknownTaskError,
    WorkflowError,
)
from .events import Event, Note, RunFinished, RunResult, RunStarted, TaskChanged, TaskResult
from .run import run_workflow
from .state import Status

__all__ = [
    "BusyRunError",
    "Event",
    "JobError",
    "Note",
    "Problem",
    "RunCanceledError",
    "RunFinished",
    "RunFolderError",
    "RunResult",
    "RunStarted",
    "RunStateError",
    "Status",
    "TaskChanged",
    "TaskFailedError",
    "TaskResult",
    "UnknownRunError",
    "UnknownTaskError",
    "WorkflowError",
    "run_workflow",
]
