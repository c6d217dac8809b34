"""What can be wrong with a workflow or its run, each in one line."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import PhysaiError, suggest


@dataclass(frozen=True)
class Problem:
    """One thing to mend in a workflow file."""

    message: str
    field: str = ""
    """Dotted path inside the task, or inside the file if there is no task; `files[0].contents`."""
    task: str = ""
    line: int = 0
    """In the file as the user wrote it, from 1; 0 if unknown."""

    def text(self, file: str) -> str:
        """`train.yaml:12: task 'train': comand: unknown field. …`."""
        parts = [f"{file}:{self.line}" if self.line else file]
        if self.task:
            parts.append(f"task '{self.task}'")
        if self.field:
            parts.append(self.field)
        return ": ".join([*parts, self.message])


class JobError(PhysaiError):
    """Something about a workflow, or a run of it."""


class WorkflowError(JobError):
    """A workflow file cannot be used as it is."""

    def __init__(self, file: Path, problems: Sequence[Problem]) -> None:
        self.file = file
        self.problems = tuple(problems)
        more = f" ({len(problems) - 1} more: `physai jobs validate {file}` lists them.)" if len(problems) > 1 else ""
        super().__init__(problems[0].text(str(file)) + more)


class AssignmentError(JobError):
    """A `--set` that is not `name=value`."""

    def __init__(self, option: str, text: str) -> None:
        super().__init__(f"{option} {text}: not of the form name=value. Write for example {option} steps=100.")


class BusyRunError(JobError):
    """Another engine works in this run folder."""

    def __init__(self, folder: Path, holder: str) -> None:
        super().__init__(
            f"{folder}: in use by {holder or 'another process'}. Wait for it, or choose another --run-dir."
        )


class RunStateError(JobError):
    """A run folder holds something that is not the state of a run."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: not the state of a workflow run: {why}. Remove the file, and the run starts afresh.")


class RunFolderError(JobError):
    """The disk does not take the state of a run."""

    def __init__(self, path: Path, error: OSError) -> None:
        why = error.strerror or str(error)
        super().__init__(f"{path}: cannot be written: {why}. Make room, then run the command again: it continues.")


class SameTargetError(JobError):
    """Two workflows would be rendered to one file."""

    def __init__(self, target: Path, first: str, second: str) -> None:
        super().__init__(f"{target}: is what {first} and {second} would both be written to. Render them one by one.")


class UnknownRunError(JobError):
    """No run has this name."""

    def __init__(self, run: str, known: Sequence[str], runs: Path) -> None:
        super().__init__(f"{runs}: no run '{run}'. {suggest(run, known)} Start one with `physai jobs run`.")


class UnknownTaskError(JobError):
    """A run has no task of this name."""

    def __init__(self, run: str, task: str, known: Iterable[str]) -> None:
        super().__init__(f"run '{run}': no task '{task}'. {suggest(task, known)}")


class TaskFailedError(JobError):
    """A run ended without success; tells of the task that failed first."""

    def __init__(self, task: str, what: str, log: Path, tail: str) -> None:
        said = f" Last line: '{tail}'." if tail else ""
        super().__init__(
            f"task '{task}' failed: {what}.{said} Log: {log}. Mend it and run the command again: it continues."
        )


class RunCanceledError(JobError):
    """A run was stopped by hand."""

    exit_code = 130  # as a shell says of what Ctrl-C ended

    def __init__(self, run_dir: Path) -> None:
        super().__init__(f"{run_dir}: stopped by hand. Run the command again: it continues.")


class NotRunningError(JobError):
    """Nothing runs that could be stopped."""

    def __init__(self, run: str) -> None:
        super().__init__(f"run '{run}': no engine works on it. `physai jobs status {run}` tells how it ended.")
