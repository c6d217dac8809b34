"""Train policies by imitation."""

import json
import time
from pathlib import Path
from typing import Annotated, Literal

from pydantic import JsonValue
from rich.table import Table
from typer import Option, Typer

from physai.infrastructure.console import Json, progress, show, stderr
from physai.infrastructure.contracts import TrainingSummary, digest_file
from physai.infrastructure.errors import MissingFileError

from ..errors import RecipeError
from .recipe import Observation, Recipe

Precision = Literal["fp32", "bf16"]
OptionList = Annotated[
    list[str] | None, Option("--option", help="Field of LeRobot's own configuration: name=value; may be repeated.")
]
Output = Annotated[Path, Option(help="Folder of the run; an unfinished one goes on.")]
Chunk = Annotated[int | None, Option(help="Actions the policy foresees; default 16, of VLAs 50.")]
ActionSteps = Annotated[int | None, Option(help="Actions played of each chunk; default 8, of VLAs 50.")]
PrecisionName = Annotated[Precision, Option(help="bf16: forward pass in bfloat16.")]
CheckpointEvery = Annotated[int | None, Option(help="Steps between checkpoints; default 500.")]

app = Typer(help=__doc__, no_args_is_help=True)


@app.callback()
def group() -> None:
    """Train policies by imitation."""


@app.command()
def train(
    dataset: Annotated[
        list[str],
        Option(help="LeRobot v3.0 dataset with splits `train` and `heldout`: folder or URI, `#sha256:…` pins it."),
    ],
    output: Output,
    policy: Annotated[str, Option(help="act, diffusion or vqbet.")] = "act",
    observation: Annotated[Observation, Option(help="What the policy sees: target pose, or cameras.")] = "state",
    steps: Annotated[int | None, Option(help="Gradient steps; default 1000, with cameras 1500.")] = None,
    batch_size: Annotated[int | None, Option(help="Rows per step; default 64, with cameras 16.")] = None,
    lr: Annotated[float | None, Option(help="Peak learning rate; default 2e-3, with cameras 3e-4.")] = None,
    seed: Annotated[int, Option(help="Of initial weights and batches.")] = 0,
    chunk: Chunk = None,
    action_steps: ActionSteps = None,
    dim: Annotated[int | None, Option(help="Width of the transformer; default 64, with cameras 128.")] = None,
    backbone: Annotated[
        Path | None,
        Option(help="Weights of the image encoder: torchvision's resnet18, .pth or .safetensors; default: random."),
    ] = None,
    precision: PrecisionName = "fp32",
    options: OptionList = None,
    checkpoint_every: CheckpointEvery = None,
    task: Annotated[
        str | None, Option(help="Isaac Lab's or Gymnasium's id of a task that the policy plays during the training.")
    ] = None,
    task_options: Annotated[
        list[str] | None, Option("--task-option", help="For Gymnasium's environment: name=value; may be repeated.")
    ] = None,
    check_every: Annotated[int | None, Option(help="Steps between these checks; default 500.")] = None,
    check_episodes: Annotated[int | None, Option(help="Episodes of a check; default 50.")] = None,
    as_json: Json = False,
) -> None:
    """Train a policy on demonstrations. Killed and started again, it goes on to the same result.

    On several GPUs, each process takes its part of a batch: torchrun --nproc-per-node 4 -m physai.infrastructure.cli …

    Example: physai training il train --dataset OUT/dataset --policy diffusion --output OUT/run
    """
    if task is None and (check_every or check_episodes):
        raise RecipeError("task", "checks need a task to play, e.g. Isaac-Reach-UR10")
    recipe = Recipe.of(
        policy,
        observation,
        steps=steps,
        batch_size=batch_size,
        lr=lr,
        seed=seed,
        chunk=chunk,
        action_steps=action_steps,
        dim=dim,
        backbone=_digest(backbone),
        precision=precision,
        options=parse_options(options),
        checkpoint_every=checkpoint_every,
        check_task=task,
        check_options=parse_options(task_options),
        check_every=check_every,
        check_episodes=check_episodes,
    )
    show_training(dataset, recipe, output, as_json, backbone=backbone)


def show_training(
    names: list[str],
    recipe: Recipe,
    output: Path,
    as_json: bool,
    *,
    start: Path | None = None,
    backbone: Path | None = None,
) -> None:
    """Train, unless it was done before, and show the summary."""
    from .folder import finished
    from .sources import locate

    datasets = locate(names)
    if summary := finished(output, datasets, recipe):
        stderr.print(f"{output}: up to date", soft_wrap=True)
    else:
        summary = _train(datasets, recipe, output, start, backbone)
    show(summary, as_json, _table(summary, output))


def parse_options(options: list[str] | None) -> dict[str, JsonValue]:
    """`name=value` as fields of LeRobot's configuration; values are JSON, and text where that is none.

    Raises:
        RecipeError: If there is no `=`.
    """
    fields: dict[str, JsonValue] = {}
    for option in options or ():
        name, equals, value = option.partition("=")
        if not equals:
            raise RecipeError("option", f"'{option}' is not of the form name=value")
        try:
            fields[name] = json.loads(value)
        except ValueError:
            fields[name] = value
    return fields


def _digest(backbone: Path | None) -> str | None:
    if backbone is None:
        return None
    if not backbone.is_file():
        raise MissingFileError(backbone, "weights", "Fetch torchvision's where there is a network.")
    return digest_file(backbone)


def _train(
    datasets: list[Path], recipe: Recipe, output: Path, start: Path | None, backbone: Path | None
) -> TrainingSummary:
    from physai.infrastructure.datasets import Info

    from .recipe import unseen

    for camera in unseen(Info.read(datasets[0]), recipe.observation):
        stderr.print(f"{datasets[0]}: {camera} is depth, which policies here do not see; training without it")
    with progress() as bar:
        task = bar.add_task("loading", total=recipe.steps)
        from .train import train

        began: list[tuple[float, int]] = []

        def note(step: int, loss: float) -> None:
            began.append((time.monotonic(), step))
            (first_s, first), (last_s, last) = began[0], began[-1]
            rate = f" {(last - first) / (last_s - first_s):.1f} it/s" if last > first else ""
            bar.update(task, completed=step, description=f"training, loss {loss:.4f}{rate}")

        return train(datasets, recipe, output, note, start, backbone)


def _table(summary: TrainingSummary, output: Path) -> Table:
    table = Table(title=str(output), show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    table.add_row("policy", f"{summary.policy}, {summary.parameters:,} parameters")
    table.add_row("dataset", summary.dataset)
    table.add_row("MLflow run", summary.run_id)
    table.add_row("steps", f"{summary.steps[-1]} in {summary.seconds:.1f} s")
    table.add_row("loss", f"{summary.loss[0]:.4f} → {summary.loss[-1]:.4f}")
    table.add_row("held-out loss", f"{summary.heldout_loss[0]:.4f} → {summary.heldout_loss[-1]:.4f}")
    for step, rate in zip(summary.checked_steps, summary.success, strict=True):
        best = ", the best" if step == summary.best_step else ""
        table.add_row(
            f"success, step {step}", f"{rate.successes} of {rate.episodes} ({rate.lower:.2f} to {rate.upper:.2f}){best}"
        )
    return table
