"""Commands that run workflows on this machine and look at those runs."""

import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from ..console import Json, show, stderr
from ..contracts import Contract
from .errors import NotRunningError, UnknownRunError, UnknownTaskError
from .logs import follow as follow_log
from .options import File, Set, SetEnv, SetString, assignments, values_of
from .run import run_workflow, runs_folder
from .state import RunFolder, RunState, Status
from .view import duration, summary, told, watching


class ListedRun(Contract):
    """One run on this machine."""

    name: str
    workflow: str
    status: Status
    alive: bool
    """Whether an engine works on it now."""
    completed: int
    tasks: int


class Runs(Contract):
    """All runs on this machine."""

    runs: tuple[ListedRun, ...]


def run(
    file: File,
    variables: Set = None,
    strings: SetString = None,
    environment: SetEnv = None,
    run_dir: Annotated[
        Path | None, typer.Option(help="State, logs and outputs; default: <home>/runs/<workflow name>.")
    ] = None,
    limit_memory: Annotated[
        bool, typer.Option("--limit-memory", help="End a task that takes more memory than it asks for.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run a workflow, or continue it where it was left. Tasks that are done and unchanged are skipped.

    Example: physai jobs run fleet-intelligence/workflows/osmo/flywheel.yaml --set episodes=40 --set steps=300
    """
    values, env = values_of(variables, strings), assignments("--set-env", environment)
    with watching(stderr) as on_event:
        result = run_workflow(
            file,
            values=values,
            environment=env,
            run_dir=run_dir,
            limit_memory=limit_memory,
            on_event=on_event,
        )
    show(result, as_json, Text(f"{result.workflow}: {summary(result)}\noutputs: {result.run_dir}/outputs"))
    result.raise_for_failure()


def status(
    run: Annotated[str, typer.Argument(help="Name of a run, or its folder.")],
    as_json: Json = False,
) -> None:
    """Show how far a run is.

    Example: physai jobs status flywheel
    """
    folder, state = _run(run)
    alive = folder.is_locked()
    table = Table("task", "status", "time", "exit", "")
    for name, task in state.tasks.items():
        code = "" if task.exit_code is None else str(task.exit_code)
        words, seconds = told(task.status, up_to_date=False), task.seconds
        if task.status is Status.RUNNING and task.started_at:
            words = words if alive else "interrupted"
            seconds = (datetime.now(UTC) - task.started_at).total_seconds() if alive else None
        table.add_row(name, words, duration(seconds), code, Text(task.reason))
    show(state, as_json, table)
    if state.status is Status.RUNNING and not alive:
        typer.echo(f"its engine is gone: `physai jobs run {state.file}` continues it", err=True)


def list_runs(as_json: Json = False) -> None:
    """List the runs on this machine.

    Example: physai jobs list
    """
    found = []
    for path in sorted(runs_folder().glob("*/state.json")):
        folder = RunFolder(path.parent)
        state = folder.read()
        assert state is not None, "its file is there"
        found.append(
            ListedRun(
                name=path.parent.name,
                workflow=state.workflow,
                status=state.status,
                alive=folder.is_locked(),
                completed=sum(task.status is Status.COMPLETED for task in state.tasks.values()),
                tasks=len(state.tasks),
            )
        )
    table = Table("run", "workflow", "status", "tasks done")
    for run in found:
        interrupted = run.status is Status.RUNNING and not run.alive
        words = "interrupted" if interrupted else told(run.status, up_to_date=False)
        table.add_row(run.name, run.workflow, words, f"{run.completed} of {run.tasks}")
    show(Runs(runs=tuple(found)), as_json, table)


def print_log(run: str, task: str, follow: bool) -> None:
    """Print the log of a task, and go on while it grows if that is asked for."""
    folder, state = _run(run)
    if task not in state.tasks:
        raise UnknownTaskError(run, task, state.tasks)

    def ended() -> bool:
        now = folder.read() or state
        over = now.tasks[task].status not in (Status.WAITING, Status.RUNNING, Status.RESCHEDULED)
        return over or not follow or not folder.is_locked()

    for text in follow_log(folder.log(task), ended):
        sys.stdout.write(text)
        sys.stdout.flush()


def stop_run(run: str) -> str:
    """Ask the engine of a run on this machine to stop, as Ctrl-C does; what was done.

    Raises:
        NotRunningError: If no engine works on it.
    """
    folder, _ = _run(run)
    holder = folder.holder()
    if holder is None:
        raise NotRunningError(run)
    os.kill(holder, signal.SIGINT)
    return f"{run}: asked process {holder} to stop; `physai jobs run` continues it"


def _run(name: str) -> tuple[RunFolder, RunState]:
    runs = runs_folder()
    folder = RunFolder(Path(name) if "/" in name or not (runs / name).exists() else runs / name)
    state = folder.read() if folder.root.is_dir() else None
    if state is None:
        known = sorted(path.parent.name for path in runs.glob("*/state.json"))
        raise UnknownRunError(name, known, runs)
    return folder, state
