"""Run training as workflows: here, on OSMO, on Azure Machine Learning."""

from pathlib import Path
from typing import Annotated

from rich.table import Table
from typer import Argument, Option, Typer

from physai.infrastructure.console import Json, show
from physai.infrastructure.contracts import Contract
from physai.infrastructure.jobs import check_cli, remote_cli, run_cli
from physai.infrastructure.jobs.options import Set
from physai.infrastructure.jobs.remote import EngineName
from physai.infrastructure.jobs.repo import PROFILE

from ..errors import UnknownPipelineError

app = Typer(help=__doc__, no_args_is_help=True)

Name = Annotated[str, Argument(help="Of the pipeline; `physai training pipeline list` tells them.")]


class Pipelines(Contract):
    """Workflow files by name."""

    files: dict[str, str]


class Choice(Contract):
    """The best of several runs."""

    run: str
    heldout_loss: float
    heldout_losses: dict[str, float]
    """Run → lowest loss on held-out episodes."""


def pipelines() -> dict[str, Path]:
    """Every workflow of this domain, by the name of its file."""
    return {path.stem: path for path in sorted(Path(__file__).parents[1].glob("*/workflows/osmo/*.yaml"))}


def find(name: str) -> Path:
    """The file of a pipeline.

    Raises:
        UnknownPipelineError: If there is none of that name.
    """
    known = pipelines()
    if name not in known:
        raise UnknownPipelineError(name, known)
    return known[name]


@app.command("list")
def list_pipelines(as_json: Json = False) -> None:
    """List the pipelines and their files.

    Example: physai training pipeline list
    """
    files = {name: str(path) for name, path in pipelines().items()}
    table = Table("pipeline", "file")
    for name, path in files.items():
        table.add_row(name, path)
    show(Pipelines(files=files), as_json, table)


@app.command()
def run(
    name: Name,
    variables: Set = None,
    run_dir: Annotated[Path | None, Option(help="State, logs and outputs; default: <home>/runs/<name>.")] = None,
    as_json: Json = False,
) -> None:
    """Run a pipeline on this machine, or continue it where it was left.

    Example: physai training pipeline run release-candidate --set steps=500
    """
    run_cli.run(find(name), variables, run_dir=run_dir, as_json=as_json)


@app.command()
def plan(
    name: Name,
    variables: Set = None,
    profile: Annotated[str, Option(help="Platform: dev, prod, private, or a *.tfvars.json file.")] = PROFILE,
    as_json: Json = False,
) -> None:
    """Tell the machines, hours and price of a pipeline in the cloud; starts nothing.

    Example: physai training pipeline plan sweep --profile prod
    """
    check_cli.plan(find(name), variables, profile=profile, as_json=as_json)


@app.command()
def submit(
    name: Name,
    to: Annotated[EngineName, Option(help="Where it runs.")],
    variables: Set = None,
    pool: Annotated[str | None, Option(help="OSMO pool; default: your profile's.")] = None,
    as_json: Json = False,
) -> None:
    """Hand a pipeline to OSMO or to AzureML.

    Example: physai training pipeline submit release-candidate --to osmo --set gpus=1
    """
    remote_cli.submit(find(name), to, variables, pool=pool, as_json=as_json)


@app.command()
def best(
    runs: Annotated[list[Path], Argument(help="Folders of trainings that have ended.")],
    output: Annotated[Path, Option(help="Where a copy of the best run appears.")],
    as_json: Json = False,
) -> None:
    """Choose the run with the lowest loss on held-out episodes.

    Example: physai training pipeline best OUT/run-1 OUT/run-2 --output OUT/best
    """
    from .best import choose

    losses = choose(runs, output)
    chosen = min(losses, key=losses.__getitem__)
    table = Table("run", "held-out loss", "")
    for name, loss in losses.items():
        table.add_row(name, f"{loss:.4f}", "chosen" if name == chosen else "")
    show(Choice(run=chosen, heldout_loss=losses[chosen], heldout_losses=losses), as_json, table)
