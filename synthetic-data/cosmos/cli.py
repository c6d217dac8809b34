"""Prepare inputs, training data and containers for NVIDIA Cosmos."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from typer import Argument, Option, Typer

from physai.infrastructure.console import Json, show

app = Typer(help=__doc__, no_args_is_help=True)


class Project(StrEnum):
    """Of the Cosmos family."""

    TRANSFER = "transfer"
    PREDICT = "predict"


class InputFormat(StrEnum):
    """What the programs of the family take."""

    TRANSFER = "transfer"
    ROBOT_MULTIVIEW = "robot-multiview"
    IMAGE2WORLD = "image2world"
    VIDEO2WORLD = "video2world"
    ACTION_CONDITIONED = "action-conditioned"


@app.command()
def inputs(
    plan: Annotated[Path, Argument(help="Plan, from `physai synthetic-data plan`.")],
    dataset: Annotated[Path, Argument(help="The LeRobot v3.0 dataset that the plan is of.")],
    output: Annotated[Path, Option(help="Folder to write.")],
    format_: Annotated[InputFormat, Option("--format", help="Of which program.")] = InputFormat.TRANSFER,
    as_json: Json = False,
) -> None:
    """Write what a program of Transfer2.5 or Predict2.5 reads, as its project documents it.

    Example: physai synthetic-data cosmos inputs OUT/plan.json OUT/dataset --format video2world --output OUT/inputs
    """
    from physai.infrastructure.contracts import GenerationPlan

    from .action import action_inputs
    from .inputs import transfer_inputs
    from .multiview import robot_multiview_inputs
    from .predict import image2world_inputs, video2world_inputs

    writers = {
        InputFormat.TRANSFER: transfer_inputs,
        InputFormat.ROBOT_MULTIVIEW: robot_multiview_inputs,
        InputFormat.IMAGE2WORLD: image2world_inputs,
        InputFormat.VIDEO2WORLD: video2world_inputs,
        InputFormat.ACTION_CONDITIONED: action_inputs,
    }
    made = writers[format_](GenerationPlan.read(plan), dataset, output)
    show(made, as_json, f"{output}: {len(made.specs)} parameter files for {made.model}")


@app.command()
def export(
    dataset: Annotated[Path, Argument(help="Folder of a LeRobot v3.0 dataset with a camera.")],
    output: Annotated[Path, Option(help="Folder to write.")],
    project: Annotated[Project, Option(help="Whose training format.")] = Project.PREDICT,
    camera: Annotated[str, Option(help="Camera feature; default: the first.")] = "",
    slow: Annotated[int, Option(help="Times each frame is shown, to reach 93 frames.", min=1)] = 1,
    as_json: Json = False,
) -> None:
    """Write videos and captions for post-training, one per episode, at 720p.

    Example: physai synthetic-data cosmos export OUT/dataset --project predict --slow 3 --output OUT/training
    """
    from .export import export as run

    made = run(dataset, output, project.value, camera or None, slow)
    show(made, as_json, f"{output}: {made.videos} videos, {made.skipped} episodes too short")


@app.command()
def images(
    registry: Annotated[str, Argument(help="Where images are pushed to, e.g. `robots.azurecr.io`.")],
    as_json: Json = False,
) -> None:
    """Print how the projects' containers are built, from pinned commits upon pinned bases.

    Example: physai synthetic-data cosmos images robots.azurecr.io
    """
    from .images import image_commands

    made = image_commands(registry)
    show(made, as_json, "\n".join([*made.build, *made.pull]))
