"""Check and run OSMO workflows on this machine; see what a run did."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from ..console import Json, show, stderr
from ..contracts import Contract
from .check import read_workflow
from .errors import AssignmentError, UnknownRunError, UnknownTaskError, WorkflowError
from .logs import follow as follow_log
from .machine import this_machine
from .plan import Plan, make_plan
from .render import Value
from .run import run_workflow, runs_folder
from .state import RunFolder, RunState, Status
from .view import duration, summary, told, watching

app = typer.Typer(help=__doc__, no_args_is_help=True)

File = Annotated[Path, typer.Argument(help="An OSMO workflow file.")]
Set = Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Set a variable.")]
SetString = Annotated[
    list[str] | None, typer.Option("--set-string", metavar="NAME=VALUE", help="Set a variable to text, even `3`.")
]
SetEnv = Annotated[
    list[str] | None, typer.Option("--set-env", metavar="NAME=VALUE", help="Set an environment variable of every task.")
]


class PlannedTask(Contract):
    """One task of a plan."""

    wave: int
    """Tasks of one wave could run at the same time, if the machine were large enough."""
    task: str
    group: str | None
    after: tuple[str, ...]
    """Units it waits for."""
    cores: int
    memory_bytes: int
    gpus: int
    command: tuple[str, ...]
    """Rendered, runtime tokens left as they are."""


class PlanView(Contract):
    """How a workflow would run on this machine."""

    workflow: str
    tasks: tuple[PlannedTask, ...]
    notes: tuple[str, ...]


class Validated(Contract):
    """Workflow files in which nothing is wrong."""

    files: tuple[str, ...]
    notes: tuple[str, ...]


@app.command()
def run(
    file: File,
    variables: Set = None,
    strings: SetString = None,
    environment: SetEnv = None,
    run_dir: Annotated[
        Path | None, typer.Option(help="State, logs and outputs; default: <home>/runs/<workflow name>.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run a workflow, or continue it where it was left. Tasks that are done and unchanged are skipped.

    Example: physai jobs run fleet-intelligence/workflows/osmo/flywheel.yaml --set episodes=40 --set steps=300
    """
    values, env = _values(variables, strings), _assignments("--set-env", environment)
    with watching(stderr) as on_event:
        result = run_workflow(file, values=values, environment=env, run_dir=run_dir, on_event=on_event)
    show(result, as_json, Text(f"{result.workflow}: {summary(result)}\noutputs: {result.run_dir}/outputs"))
    result.raise_for_failure()


@app.command()
def validate(
    files: Annotated[list[Path], typer.Argument(help="OSMO workflow files.")],
    variables: Set = None,
    strings: SetString = None,
    as_json: Json = False,
) -> None:
    """Check workflow files against the OSMO specification; all problems of all files are told.

    Example: physai jobs validate fleet-intelligence/workflows/osmo/flywheel.yaml
    """
    values = _values(variables, strings)
    notes: list[str] = []
    broken = 0
    for file in files:
        try:
            notes += [f"{file}: {note}" for note in read_workflow(file, values).notes]
        except WorkflowError as error:
            broken += 1
            for problem in error.problems:
                typer.echo(problem.text(str(file)), err=True)
    if broken:
        typer.echo(f"{broken} of {len(files)} files cannot be used", err=True)
        raise typer.Exit(1)
    validated = Validated(files=tuple(map(str, files)), notes=tuple(notes))
    show(validated, as_json, Text("\n".join([*notes, f"{len(files)} valid"])))


@app.command("show")
def show_plan(
    file: File, variables: Set = None, strings: SetString = None, environment: SetEnv = None, as_json: Json = False
) -> None:
    """Show what would run here: order, resources and rendered commands.

    Example: physai jobs show fleet-intelligence/workflows/osmo/flywheel.yaml
    """
    checked = read_workflow(file, _values(variables, strings), _assignments("--set-env", environment))
    view = _plan_view(make_plan(checked.workflow, this_machine()))
    table = Table("wave", "task", "after", "cores", "memory", "gpus", "command")
    for task in view.tasks:
        name = f"{task.group} / {task.task}" if task.group else task.task
        memory = f"{task.memory_bytes / 2**30:.1f} Gi" if task.memory_bytes else ""
        words = Text(" ".join(task.command))
        table.add_row(str(task.wave), name, ", ".join(task.after), str(task.cores), memory, str(task.gpus or ""), words)
    show(view, as_json, table)
    if not as_json:
        for note in view.notes:
            typer.echo(f"note: {note}", err=True)


@app.command()
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


@app.command()
def logs(
    run: Annotated[str, typer.Argument(help="Name of a run, or its folder.")],
    task: str,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the task ends.")] = False,
) -> None:
    """Print what a task printed.

    Example: physai jobs logs flywheel train --follow
    """
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


def _run(name: str) -> tuple[RunFolder, RunState]:
    runs = runs_folder()
    folder = RunFolder(Path(name) if "/" in name or not (runs / name).exists() else runs / name)
    state = folder.read()
    if state is None:
        known = sorted(path.parent.name for path in runs.glob("*/state.json"))
        raise UnknownRunError(name, known, runs)
    return folder, state


def _values(variables: list[str] | None, strings: list[str] | None) -> dict[str, Value]:
    numbers = {name: _number(text) for name, text in _assignments("--set", variables).items()}
    return {**numbers, **_assignments("--set-string", strings)}


def _number(text: str) -> Value:
    """As OSMO reads `--set`: an integer, else a float, else text."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _assignments(option: str, texts: list[str] | None) -> dict[str, str]:
    found = {}
    for text in texts or []:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise AssignmentError(option, text)
        found[name] = value
    return found


def _plan_view(plan: Plan) -> PlanView:
    tasks = tuple(
        PlannedTask(
            wave=wave,
            task=task.name,
            group=unit.name if len(unit.tasks) > 1 else None,
            after=tuple(sorted(unit.upstream)),
            cores=unit.shares[task.name].cores,
            memory_bytes=unit.shares[task.name].memory_bytes,
            gpus=unit.shares[task.name].gpus,
            command=(*task.command, *task.args),
        )
        for wave, units in enumerate(plan.waves())
        for unit in units
        for task in unit.tasks
    )
    return PlanView(workflow=plan.workflow.name, tasks=tasks, notes=plan.notes)
