"""Training workflows on chosen episodes: what there is, launching it here or elsewhere, and following it."""

import re
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from physai.infrastructure.contracts import Contract, Document
from physai.infrastructure.datasets import publish
from physai.infrastructure.errors import PhysaiError
from physai.infrastructure.jobs.check import read_workflow
from physai.infrastructure.jobs.remote import EngineName
from physai.infrastructure.jobs.remote_cli import engine
from physai.infrastructure.jobs.render import Value, read_text
from physai.infrastructure.jobs.render import split as split_text
from physai.infrastructure.jobs.repo import workflow_files
from physai.infrastructure.jobs.run import runs_folder
from physai.infrastructure.jobs.run_cli import stop_run
from physai.infrastructure.jobs.state import RunFolder
from physai.infrastructure.settings import settings

from ..tools.edit import keep
from .browse import BODY
from .episodes import Index
from .errors import RequestError, UnknownError

VARIABLE = "dataset"
"""Of a workflow that can be given a selection: the digest it was published under."""
SHIPPED = Path(__file__).parent / "workflows"
LOG_BYTES = 64 * 1024  # of one answer
RUN = r"^(osmo:|azureml:)?[A-Za-z0-9][A-Za-z0-9._-]{0,120}$"
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class WorkflowView(Contract):
    """A workflow that trains on a dataset."""

    name: str
    file: str
    variables: dict[str, Value]
    """Name → default, without the dataset."""


class LaunchBody(Contract):
    """Train on chosen episodes."""

    model_config = BODY

    workflow: str = Field(min_length=1, max_length=200)
    engine: Literal["local", "osmo", "azureml"] = "local"
    dataset: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,60}$")]
    episodes: str = Field(default="", max_length=20_000)
    where: str = Field(default="", max_length=1000)
    values: dict[str, Value] = Field(default={}, max_length=50)
    """Variables of the workflow that differ from their defaults."""


class Launched(Document):
    """Who launched a run, on what."""

    kind: Literal["viewer-launch"] = "viewer-launch"
    version: Literal[1] = 1
    run: str
    workflow: str
    engine: Literal["local", "osmo", "azureml"]
    by: str
    at: AwareDatetime
    dataset: str
    episodes: int
    content: str
    """Digest of the selection."""
    values: dict[str, Value]


class TaskView(Contract):
    """One task of a run."""

    name: str
    status: str
    seconds: float | None = None
    exit_code: int | None = None
    reason: str = ""


class RunView(Contract):
    """How far a run is."""

    run: str
    workflow: str
    engine: str
    status: str
    alive: bool
    """Whether somebody works on it."""
    tasks: tuple[TaskView, ...]
    page: str = ""
    launched: Launched | None = None
    problem: str = ""
    """Why its state is not known."""


class Log(Contract):
    """A piece of what a task printed."""

    text: str
    next: int
    """Where the next piece begins, in bytes."""
    over: bool
    """Whether no more will come."""


class Runs:
    """Runs on this machine, and those that were launched elsewhere from here."""

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        self._folders = folders

    @cached_property
    def workflows(self) -> dict[str, WorkflowView]:
        """Workflows that take a dataset, by name; the viewer's own and those of the given folders."""
        found = {}
        for path in workflow_files([SHIPPED.parent, *self._folders]):
            if path.parent.name == "azureml":
                continue
            _, defaults = split_text(path, read_text(path))
            if VARIABLE in defaults:
                variables = {name: value for name, value in defaults.items() if name != VARIABLE}
                found[path.stem] = WorkflowView(name=path.stem, file=str(path), variables=variables)
        return found

    def workflow(self, name: str) -> WorkflowView:
        """One of them.

        Raises:
            UnknownError: If there is none of this name.
        """
        if name not in self.workflows:
            raise UnknownError("workflow", name)
        return self.workflows[name]

    def launch(self, body: LaunchBody, index: Index, episodes: Sequence[int], by: str) -> str:
        """Publish the selection, and start a workflow on it.

        Returns:
            The run.

        Raises:
            RequestError: If no episode is chosen.
            WorkflowError: If the workflow cannot run with these values.
        """
        if not episodes:
            raise RequestError("no episode is chosen. Change the condition, or choose some by hand.")
        workflow = self.workflow(body.workflow)
        path, at = Path(workflow.file), datetime.now(UTC)
        name = f"{workflow.name}-{at:%Y%m%d-%H%M%S-%f}"[:-3]
        content = _publish(index, episodes, settings().home / "viewer/selections" / name, by)
        values = {**body.values, VARIABLE: content}
        if body.engine == "local":
            run = _start(path, values, name)
        elif body.engine == "osmo":
            from physai.infrastructure.jobs.osmo import OsmoEngine

            with OsmoEngine() as osmo:
                run = osmo.submit(path, values=values).handle
        else:
            from physai.infrastructure.jobs.azureml.engine import AzureMLEngine

            run = AzureMLEngine().submit(path, values=values).handle
        told = Launched(
            run=run,
            workflow=workflow.name,
            engine=body.engine,
            by=by,
            at=at,
            dataset=index.entry.name,
            episodes=len(episodes),
            content=content,
            values=body.values,
        )
        told.write(_launches() / f"{run.replace(':', '.')}.json")
        return run

    def list(self) -> list[RunView]:
        """All runs, the newest first."""
        launched = {told.run: told for told in map(Launched.read, _launches().glob("*.json"))}
        here = {path.parent.name: path.stat().st_mtime for path in runs_folder().glob("*/state.json")}
        times = here | {run: told.at.timestamp() for run, told in launched.items()}
        return [self.get(run) for run in sorted(times, key=lambda run: times[run], reverse=True)]

    def get(self, run: str) -> RunView:
        """How far a run is.

        Raises:
            UnknownError: If there is none of this name.
        """
        path = _launches() / f"{run.replace(':', '.')}.json"
        launched = Launched.read(path) if path.exists() else None
        name, colon, remote = run.partition(":")
        if not colon:
            return _local(run, launched)
        if launched is None:
            raise UnknownError("run", run)
        found = RunView(
            run=run, workflow=launched.workflow, engine=name, status="UNKNOWN", alive=False, tasks=(), launched=launched
        )
        try:
            state = engine(_engine(name)).look(remote)
        except PhysaiError as error:
            return found.model_copy(update={"problem": str(error)})
        tasks = tuple(
            TaskView(name=task.name, status=task.status, exit_code=task.exit_code, reason=task.reason)
            for task in state.tasks
        )
        return found.model_copy(
            update={"status": state.status, "alive": not state.over, "tasks": tasks, "page": state.page}
        )

    def log(self, run: str, task: str, offset: int) -> Log:
        """A piece of a task's log, from an offset on.

        Raises:
            UnknownError: If there is no such run or task.
        """
        view = self.get(run)
        if task not in {each.name for each in view.tasks}:
            raise UnknownError("task", task)
        name, colon, remote = run.partition(":")
        if colon:
            content = "".join(engine(_engine(name)).logs(remote, task)).encode()
        else:
            path = RunFolder(runs_folder() / run).log(task)
            content = path.read_bytes() if path.exists() else b""
        piece = content[offset : offset + LOG_BYTES]
        end = offset + len(piece)
        text = ESCAPES.sub("", piece.decode(errors="replace")).replace("\r\n", "\n")
        return Log(text=text, next=end, over=not view.alive and end >= len(content))

    def stop(self, run: str) -> str:
        """Ask for the end of a run; what was done.

        Raises:
            UnknownError: If there is none of this name.
            NotRunningError: If nobody works on it.
        """
        self.get(run)
        name, colon, remote = run.partition(":")
        if not colon:
            return stop_run(run)
        engine(_engine(name)).cancel(remote)
        return f"{run}: asked to end"


def _engine(name: str) -> EngineName:
    return "osmo" if name == "osmo" else "azureml"


def _launches() -> Path:
    return settings().home / "viewer/launches"


def _publish(index: Index, episodes: Sequence[int], folder: Path, by: str) -> str:
    """Put the selection into the store; a whole dataset with provenance goes as it is."""
    with index.entry.whole() as root:
        if len(episodes) == index.count and index.provenance is not None:
            return publish(root)
        keep(root, episodes, output=folder, reason="not chosen", author=by)
    return publish(folder)


def _start(path: Path, values: Mapping[str, Value], name: str) -> str:
    """Start an engine of its own on this machine; it outlives the viewer."""
    read_workflow(path, values)
    run_dir = runs_folder() / name
    run_dir.mkdir(parents=True)
    options = [
        word
        for key, value in values.items()
        for word in ("--set-string" if isinstance(value, str) else "--set", f"{key}={value}")
    ]
    command = [
        str(Path(sys.executable).with_name("physai")),
        "jobs",
        "run",
        str(path),
        f"--run-dir={run_dir}",
        *options,
    ]
    with (run_dir / "engine.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    threading.Thread(target=process.wait, daemon=True).start()  # so that its end leaves no zombie
    return name


def _local(run: str, launched: Launched | None) -> RunView:
    folder = RunFolder(runs_folder() / run)
    state = folder.read()
    if state is None:
        if launched is None:
            raise UnknownError("run", run)
        log = folder.root / "engine.log"
        said = log.read_text(errors="replace").strip() if log.exists() else f"{folder.root} is gone"
        return RunView(
            run=run,
            workflow=launched.workflow,
            engine="local",
            status="WAITING" if not said or folder.is_locked() else "FAILED",
            alive=not said,
            tasks=(),
            launched=launched,
            problem=said[-1000:],
        )
    alive = folder.is_locked()
    now = datetime.now(UTC)
    tasks = tuple(
        TaskView(
            name=name,
            status=task.status.value,
            seconds=(now - task.started_at).total_seconds()
            if task.status == "RUNNING" and task.started_at
            else task.seconds,
            exit_code=task.exit_code,
            reason=task.reason,
        )
        for name, task in state.tasks.items()
    )
    status = "INTERRUPTED" if state.status == "RUNNING" and not alive else state.status.value
    return RunView(
        run=run, workflow=state.workflow, engine="local", status=status, alive=alive, tasks=tasks, launched=launched
    )
