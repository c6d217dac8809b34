"""Checkpoints in LeRobot's layout, each there whole or not at all.

`checkpoints/000500/{pretrained_model,training_state}`, `checkpoints/last`, a link to the newest, and if the task was
played `checkpoints/best`, a link to the one that succeeded most often.
"""

import json
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path

from physai.infrastructure.errors import one_line

from . import lean  # noqa: F401  first, see there

# isort: split
from lerobot.common.train_utils import load_training_state, save_checkpoint
from lerobot.configs.default import DatasetConfig, PeftConfig
from lerobot.configs.train import TrainPipelineConfig
from safetensors import SafetensorError
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from physai.infrastructure.aside import whole_folder

from ..errors import CheckpointError, SaveError
from ..run import BEST, checkpoint_folder
from .policy import TrainablePolicy
from .recipe import Recipe

PRETRAINED, STATE, HISTORY, LAST = "pretrained_model", "training_state", "history.json", "last"


@dataclass
class History:
    """Curves of a training up to one step."""

    steps: list[int] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    heldout_steps: list[int] = field(default_factory=list)
    heldout_loss: list[float] = field(default_factory=list)
    checked_steps: list[int] = field(default_factory=list)
    successes: list[int] = field(default_factory=list)
    """Episodes that succeeded at each of `checked_steps`."""
    recent: list[float] = field(default_factory=list)
    """Loss of each step since the last logged one."""
    seconds: float = 0.0

    @property
    def best_step(self) -> int | None:
        """Where most episodes succeeded, the first of equals."""
        return self.checked_steps[self.successes.index(max(self.successes))] if self.successes else None


def save(
    run: Path,
    step: int,
    made: TrainablePolicy,
    optimizer: Optimizer,
    scheduler: LRScheduler,
    history: History,
    recipe: Recipe,
    dataset: Path,
) -> Path:
    """Write a checkpoint beside its place, bring it to the disk, then rename it.

    Raises:
        SaveError: If the disk refuses; the checkpoints before are as they were.
    """
    target = checkpoint_folder(run, step)
    config = TrainPipelineConfig(
        dataset=DatasetConfig(repo_id=f"local/{dataset.name}", root=str(dataset), video_backend="pyav"),
        policy=made.policy.config,
        output_dir=run,
        seed=recipe.seed,
        batch_size=recipe.batch_size,
        steps=recipe.steps,
        save_freq=recipe.checkpoint_every,
        peft=PeftConfig(method_type="LORA", r=recipe.lora_rank) if recipe.lora_rank else None,
    )
    try:
        with whole_folder(target) as part:
            save_checkpoint(part, step, config, made.policy, optimizer, scheduler, made.pre, made.post)
            (part / STATE / HISTORY).write_text(json.dumps(asdict(history)))
        point(run, step, history)
    except (OSError, SafetensorError) as error:
        raise SaveError(target, error) from error
    return target


def point(run: Path, step: int, history: History) -> None:
    """Let `last` and `best` stand for their checkpoints; again, it changes nothing."""
    _point(run, LAST, step)
    if history.best_step is not None:
        _point(run, BEST, history.best_step)


def resume(checkpoint: Path, optimizer: Optimizer, scheduler: LRScheduler) -> tuple[int, History]:
    """Take up optimizer, schedule and random numbers where a checkpoint left them.

    Raises:
        CheckpointError: If it cannot be loaded.
    """
    try:
        step, _, _ = load_training_state(checkpoint, optimizer, scheduler)
        history = History(**json.loads((checkpoint / STATE / HISTORY).read_bytes()))
    except Exception as error:
        raise CheckpointError(checkpoint, f"cannot be loaded ({one_line(error, 160)})") from error
    return step, history


def sweep(run: Path) -> None:
    """Remove what a kill has left half-written."""
    for part in (run / "checkpoints").glob(".*.part"):
        part.unlink() if part.is_symlink() else shutil.rmtree(part)


def _point(run: Path, name: str, step: int) -> None:
    """Let a name stand for a checkpoint; LeRobot's tools look for `last`."""
    target = checkpoint_folder(run, step)
    aside = target.with_name(f".{name}.part")
    aside.unlink(missing_ok=True)
    aside.symlink_to(target.name)
    aside.replace(target.with_name(name))
