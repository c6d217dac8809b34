"""Run training as workflows: here, on OSMO, on Azure Machine Learning."""

import sys
from pathlib import Path
from typing import Annotated

from rich.table import Table
from typer import Argument, Option, Typer

from physai.infrastructure.aside import write_whole
from physai.infrastructure.console import Json, show, stdout
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


@app.command()
def search(
    dataset: Annotated[str | None, Option(help="URI of a LeRobot v3.0 dataset.")] = None,
    policy: Annotated[str | None, Option(help="act or diffusion; default act.")] = None,
    steps: Annotated[int | None, Option(help="Gradient steps of a trial; default 1000.")] = None,
    lr_min: Annotated[float | None, Option(help="Least learning rate; default 3e-4.")] = None,
    lr_max: Annotated[float | None, Option(help="Greatest; default 1e-2.")] = None,
    dim: Annotated[
        list[int] | None, Option(min=8, help="Width to choose from; may be repeated. Default 32, 64, 128.")
    ] = None,
    trials: Annotated[int | None, Option(help="In all; default 16.")] = None,
    at_once: Annotated[int | None, Option(help="Trials side by side; default 4.")] = None,
    image: Annotated[str | None, Option(help="Container image with the physai command.")] = None,
    compute: Annotated[str | None, Option(help="Compute target; default aks.")] = None,
    instance_type: Annotated[str | None, Option(help="Of the compute target; default cpu.")] = None,
    hours: Annotated[int | None, Option(help="After which what is left is not tried; default 8.")] = None,
    output: Annotated[Path | None, Option(help="Write the job there; default: print it.")] = None,
    submit: Annotated[bool, Option("--submit", help="Create the job; it costs money.")] = False,
) -> None:
    """Write a sweep job of AzureML that searches learning rate and width, checked by azure-ai-ml.

    Example: physai training pipeline search --dataset azure://robots/datasets/reach --trials 32 --output search.yaml
    """
    from . import search as searching

    wanted = searching.Search.of(
        dataset=dataset,
        policy=policy,
        steps=steps,
        lr_min=lr_min,
        lr_max=lr_max,
        dims=tuple(dim) if dim else None,
        trials=trials,
        at_once=at_once,
        image=image,
        compute=compute,
        instance_type=instance_type,
        hours=hours,
    )
    text = searching.sweep_text(wanted)
    searching.check(text)
    if output:
        write_whole(output, text.encode())
    elif not submit:
        sys.stdout.write(text)
    if submit:
        stdout.print(f"azureml:{searching.submit(text)}")


@app.command()
def report(run: Annotated[Path, Argument(help="Folder of a training that has ended.")]) -> None:
    """Tell the sweep around this job the loss on held-out episodes; a trial of `search` does.

    Example: physai training pipeline report OUT/run
    """
    from .search import report

    stdout.print(f"{report(run):.6f}")
