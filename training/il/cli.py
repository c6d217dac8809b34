"""Train policies by imitation."""

import time
from pathlib import Path
from typing import Annotated

from rich.table import Table
from typer import Option, Typer

from physai.infrastructure.console import Json, progress, show, stderr
from physai.infrastructure.contracts import TrainingSummary

from .recipe import Observation, Recipe

app = Typer(help=__doc__, no_args_is_help=True)


@app.callback()
def group() -> None:
    """Train policies by imitation."""


@app.command()
def train(
    dataset: Annotated[Path, Option(help="LeRobot v3.0 dataset with splits `train` and `heldout`.")],
    output: Annotated[Path, Option(help="Folder of the run; an unfinished one goes on.")],
    policy: Annotated[str, Option(help="LeRobot's name of the policy.")] = "act",
    observation: Annotated[Observation, Option(help="What the policy sees: target pose, or cameras.")] = "state",
    steps: Annotated[int | None, Option(help="Gradient steps; default 1000, with cameras 1500.")] = None,
    batch_size: Annotated[int | None, Option(help="Rows per step; default 64, with cameras 16.")] = None,
    lr: Annotated[float | None, Option(help="Peak learning rate; default 2e-3, with cameras 3e-4.")] = None,
    seed: Annotated[int, Option(help="Of initial weights and batches.")] = 0,
    chunk: Annotated[int | None, Option(help="Actions the policy foresees; default 16.")] = None,
    action_steps: Annotated[int | None, Option(help="Actions played of each chunk; default 8.")] = None,
    dim: Annotated[int | None, Option(help="Width of the transformer; default 64, with cameras 128.")] = None,
    checkpoint_every: Annotated[int | None, Option(help="Steps between checkpoints; default 500.")] = None,
    as_json: Json = False,
) -> None:
    """Train a policy on demonstrations. Killed and started again, it goes on to the same result.

    Example: physai training il train --dataset OUT/dataset --output OUT/run
    """
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
        checkpoint_every=checkpoint_every,
    )
    from .folder import finished

    if summary := finished(output, dataset, recipe):
        stderr.print(f"{output}: up to date", soft_wrap=True)
    else:
        summary = _train(dataset, recipe, output)
    show(summary, as_json, _table(summary, output))


def _train(dataset: Path, recipe: Recipe, output: Path) -> TrainingSummary:
    with progress() as bar:
        task = bar.add_task("loading", total=recipe.steps)
        from .train import train

        began: list[tuple[float, int]] = []

        def note(step: int, loss: float) -> None:
            began.append((time.monotonic(), step))
            (first_s, first), (last_s, last) = began[0], began[-1]
            rate = f" {(last - first) / (last_s - first_s):.1f} it/s" if last > first else ""
            bar.update(task, completed=step, description=f"training, loss {loss:.4f}{rate}")

        return train(dataset, recipe, output, note)


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
    return table
