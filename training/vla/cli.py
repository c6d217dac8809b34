"""Fine-tune policies that are told their task in words."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option, Typer

from physai.infrastructure.console import Json, stdout
from physai.infrastructure.contracts import digest_tree

from ..errors import CheckpointError, RecipeError
from ..il.cli import (
    ActionSteps,
    CheckpointEvery,
    Chunk,
    OptionList,
    Output,
    PrecisionName,
    parse_options,
    show_training,
)
from ..il.recipe import LANGUAGE_POLICIES, Recipe

app = Typer(help=__doc__, no_args_is_help=True)


@app.command()
def train(
    dataset: Annotated[
        list[str],
        Option(help="LeRobot v3.0 dataset with cameras, its tasks being the instructions: folder or URI."),
    ],
    output: Output,
    policy: Annotated[str, Option(help=f"{', '.join(LANGUAGE_POLICIES)}.")] = "smolvla",
    start: Annotated[Path | None, Option(help="Pretrained checkpoint, as `vla fetch` leaves it; none: random.")] = None,
    lora_rank: Annotated[int, Option(min=0, help="Train adapters of this rank; 0 trains the weights.")] = 0,
    steps: Annotated[int, Option(help="Gradient steps.")] = 20_000,
    batch_size: Annotated[int, Option(help="Rows per step.")] = 64,
    lr: Annotated[float | None, Option(help="Peak learning rate; default 1e-4.")] = None,
    seed: Annotated[int, Option(help="Of batches and noise.")] = 0,
    chunk: Chunk = None,
    action_steps: ActionSteps = None,
    precision: PrecisionName = "bf16",
    options: OptionList = None,
    checkpoint_every: CheckpointEvery = None,
    as_json: Json = False,
) -> None:
    """Fine-tune a VLA on demonstrations. Killed and started again, it goes on to the same result.

    Example: physai training vla train --dataset OUT/dataset --start OUT/smolvla_base --lora-rank 16 --output OUT/run
    """
    recipe = Recipe.of(
        policy,
        "image",
        LANGUAGE_POLICIES,
        steps=steps,
        batch_size=batch_size,
        lr=lr,
        seed=seed,
        chunk=chunk,
        action_steps=action_steps,
        precision=precision,
        options=parse_options(options),
        lora_rank=lora_rank,
        checkpoint_every=checkpoint_every,
        start=_digest(start),
    )
    if lora_rank and start is None:
        raise RecipeError("lora_rank", "adapters lie over pretrained weights, give --start")
    from . import language  # noqa: F401  before anything imports LeRobot

    show_training(dataset, recipe, output, as_json, start=start)


@app.command()
def fetch(
    repository: Annotated[str, Argument(help="On a Hugging Face hub, e.g. lerobot/smolvla_base.")],
    revision: Annotated[str, Option(help="Commit, 40 hexadecimal digits.")],
    output: Annotated[Path, Option(help="Where the checkpoint appears.")],
) -> None:
    """Fetch pretrained weights at a pinned revision; a token is the credential HF_TOKEN.

    Example: physai training vla fetch lerobot/smolvla_base --revision 40-HEX-DIGITS --output OUT/smolvla_base
    """
    from .weights import fetch

    stdout.print(str(fetch(repository, revision, output)), soft_wrap=True)


@app.command()
def merge(
    run: Annotated[Path, Argument(help="Folder of a training with adapters.")],
    output: Annotated[Path, Option(help="Where the checkpoint appears.")],
    checkpoint: Annotated[str, Option(help="`last`, or a step.")] = "last",
) -> None:
    """Merge adapters into the weights: a checkpoint that LeRobot loads by itself.

    Example: physai training vla merge OUT/run --output OUT/merged
    """
    from .weights import merge

    stdout.print(str(merge(run, output, checkpoint)), soft_wrap=True)


@app.command()
def tiny(output: Annotated[Path, Option(help="Folder for backbone/ and checkpoint/.")]) -> None:
    """Write a SmolVLA of half a million random weights, to try everything here without a download.

    Example: physai training vla tiny --output OUT/tiny
    """
    from .tiny import write_tiny_smolvla

    stdout.print(str(write_tiny_smolvla(output)), soft_wrap=True)


def _digest(start: Path | None) -> str | None:
    if start is None:
        return None
    if not (start / "config.json").exists():
        raise CheckpointError(start, "holds no config.json of a policy")
    return digest_tree(start)
