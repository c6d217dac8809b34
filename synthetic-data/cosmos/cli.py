"""Prepare inputs and training data for NVIDIA Cosmos."""

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
    """Programs of the family, each with its parameter file."""

    TRANSFER = "transfer"
    ROBOT_MULTIVIEW = "robot-multiview"
    PREDICT = "predict"


@app.command()
def inputs(
    plan: Annotated[Path, Argument(help="Plan, from `physai synthetic-data plan`.")],
    dataset: Annotated[Path, Argument(help="The LeRobot v3.0 dataset that the plan is of.")],
    output: Annotated[Path, Option(help="Folder to write.")],
    project: Annotated[InputFormat, Option(help="Whose input format.")] = InputFormat.TRANSFER,
    as_json: Json = False,
) -> None:
    """Write parameter files, control videos and masks as Transfer2.5 or Predict2.5 documents them.

    Example: physai synthetic-data cosmos inputs OUT/plan.json OUT/dataset --project transfer --output OUT/inputs
    """
    from physai.infrastructure.contracts import GenerationPlan

    from .multiview import robot_multiview_inputs
    from .predict import predict_inputs, transfer_inputs

    writers = {
        InputFormat.TRANSFER: transfer_inputs,
        InputFormat.ROBOT_MULTIVIEW: robot_multiview_inputs,
        InputFormat.PREDICT: predict_inputs,
    }
    made = writers[project](GenerationPlan.read(plan), dataset, output)
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
