"""Commands that look at workflow files and start nothing: validate, plan, show, render."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from ..console import Json, show
from ..contracts import Contract
from ..setup.profile import load_profile
from .check import read_workflow
from .cost import CostPlan, make_cost_plan
from .layers import Contradiction, check_layers
from .machine import this_machine
from .options import File, OnProfile, Set, SetEnv, SetString, assignments, values_of
from .plan import Plan, make_plan
from .repo import PROFILE, CheckedFile, Rendering
from .repo import render as render_files
from .repo import validate as validate_files
from .run import runs_folder
from .site import check_site
from .state import RunFolder
from .view import duration


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


class Preflight(Contract):
    """A platform, the contradictions within it, and the files that were held against it."""

    profile: str
    layers: tuple[Contradiction, ...]
    files: tuple[CheckedFile, ...]


class Rendered(Contract):
    """AzureML files and whether they were up to date."""

    files: tuple[Rendering, ...]


def validate(
    places: Annotated[list[Path] | None, typer.Argument(help="Files, or folders; default: this folder.")] = None,
    variables: Set = None,
    strings: SetString = None,
    profile: OnProfile = None,
    as_json: Json = False,
) -> None:
    """Check OSMO and AzureML files, offline; all problems of all files are told. With --profile, against the platform.

    Example: physai jobs validate fleet-intelligence/workflows/osmo/flywheel.yaml --profile dev
    """
    found = validate_files(places or [Path()], values_of(variables, strings), profile)
    for file in found.files:
        for problem in file.problems:
            typer.echo(problem, err=True)
    if as_json:
        show(found, as_json, "")
    if found.broken:
        typer.echo(f"{found.broken} of {len(found.files)} files cannot be used", err=True)
        raise typer.Exit(1)
    if not as_json:
        notes = [f"{file.file}: {note}" for file in found.files for note in file.notes]
        show(found, as_json, Text("\n".join([*notes, f"{len(found.files)} valid"])))


def render(
    places: Annotated[list[Path] | None, typer.Argument(help="OSMO files, or folders; default: this folder.")] = None,
    output: Annotated[Path | None, typer.Option(help="Folder; default: workflows/azureml/ beside the file's.")] = None,
    profile: Annotated[str, typer.Option(help="Platform whose instance types are named.")] = PROFILE,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail if a file on disk is another.")] = False,
    as_json: Json = False,
) -> None:
    """Render OSMO workflows to AzureML pipeline jobs, beside them.

    Example: physai jobs render fleet-intelligence/workflows/osmo/flywheel.yaml
    """
    made = render_files(places or [Path()], profile=profile, output=output, write=not check)
    stale = [file for file in made if file.changed] if check else []
    lines = [f"{file.file}: {'written' if file.changed else 'up to date'}" for file in made]
    if not stale:
        show(Rendered(files=tuple(made)), as_json, Text("\n".join(lines)))
        return
    for file in stale:
        typer.echo(
            f"{file.file}: is not what {file.workflow} renders to. Run `physai jobs render {file.workflow}`.", err=True
        )
    raise typer.Exit(1)


def preflight(
    places: Annotated[list[Path] | None, typer.Argument(help="Files, or folders; default: this folder.")] = None,
    profile: Annotated[str, typer.Option(help="Platform: dev, prod, private, or a *.tfvars.json file.")] = PROFILE,
    as_json: Json = False,
) -> None:
    """Compare the layers of a platform with one another and with the workflows: node pools, platforms, requests.

    Example: physai jobs preflight --profile prod
    """
    layers = check_layers(profile)
    files = validate_files(places or [Path()], {}, profile)
    if as_json:
        show(Preflight(profile=profile, layers=layers, files=files.files), as_json, "")
    for line in (*(found.text() for found in layers), *(text for file in files.files for text in file.problems)):
        typer.echo(line, err=True)
    if layers or files.broken:
        typer.echo(f"{len(layers)} contradictions, {files.broken} of {len(files.files)} files do not fit", err=True)
        raise typer.Exit(1)
    if not as_json:
        typer.echo(f"{profile}: its layers agree, and {len(files.files)} files fit")


def plan(
    file: File,
    variables: Set = None,
    strings: SetString = None,
    profile: Annotated[str, typer.Option(help="Platform: dev, prod, private, or a *.tfvars.json file.")] = PROFILE,
    as_json: Json = False,
) -> None:
    """Show where each task would land on the platform, for how long, at which price, with which quota.

    Example: physai jobs plan fleet-intelligence/workflows/osmo/flywheel.yaml --profile prod --set gpus=1
    """
    checked = read_workflow(file, values_of(variables, strings))
    site = load_profile(profile)
    check_site(checked, site, profile)
    before = RunFolder(runs_folder() / checked.workflow.name).read()
    found = make_cost_plan(checked, site, profile, before)
    show(found, as_json, _cost_table(found))
    if not as_json:
        for note in found.notes:
            typer.echo(f"note: {note}", err=True)


def _cost_table(found: CostPlan) -> Table:
    cost = "cost not known" if found.usd is None else f"{found.usd:.2f} USD, {duration((found.hours or 0) * 3600)}"
    quotas = ", ".join(f"{quota.vcpus} cores of {quota.family}" for quota in found.quotas)
    title = f"{found.workflow} on {found.profile}: {cost}; quota: {quotas}\nprices: {found.price_source}"
    table = Table(
        *("wave", "task", "asks for", "lands on", "USD/h", "time", "USD", "time is"),
        title=Text(title),
        title_justify="left",
    )
    for task in found.tasks:
        name = f"{task.group} / {task.task}" if task.group else task.task
        asks = f"{task.cores} cores, {task.memory_gib:g} Gi" + (f", {task.gpus} GPUs" if task.gpus else "")
        table.add_row(
            *(str(task.wave), name, asks, f"{task.platform} ({task.vm_size})", f"{task.usd_per_hour:.3f}"),
            *("" if task.hours is None else duration(task.hours * 3600), "" if task.usd is None else f"{task.usd:.3f}"),
            task.hours_source,
        )
    return table


def show_plan(
    file: File, variables: Set = None, strings: SetString = None, environment: SetEnv = None, as_json: Json = False
) -> None:
    """Show what would run here: order, resources and rendered commands.

    Example: physai jobs show fleet-intelligence/workflows/osmo/flywheel.yaml
    """
    checked = read_workflow(file, values_of(variables, strings), assignments("--set-env", environment))
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
