"""The folder of a training run: whose it is, and whether its training has ended. Needs no PyTorch."""

import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from physai.infrastructure.contracts import TrainingSummary
from physai.infrastructure.datasets import Dataset

from ..errors import BusyRunError, ForeignRunError
from ..run import RUN_FILE, SUMMARY_FILE, TrainingRun
from .recipe import Recipe
from .sources import digest_of


def finished(output: Path, datasets: Sequence[Path], recipe: Recipe) -> TrainingSummary | None:
    """The summary of this very training, if it has ended.

    Raises:
        ForeignRunError: If the folder belongs to another one.
    """
    if not (output / RUN_FILE).exists():
        if output.is_dir() and any(path.name not in (".lock", "checkpoints") for path in output.iterdir()):
            raise ForeignRunError(output, f"is not empty, and has no {RUN_FILE} of a training")
        return None
    check_same(output, TrainingRun.read(output / RUN_FILE), [Dataset(path) for path in datasets], recipe)
    return TrainingSummary.read(output / SUMMARY_FILE) if (output / SUMMARY_FILE).exists() else None


def check_same(output: Path, run: TrainingRun, datasets: Sequence[Dataset], recipe: Recipe) -> None:
    """Refuse to go on with other data, or another recipe.

    Raises:
        ForeignRunError: If they differ.
    """
    if (digest := digest_of(datasets)) != run.dataset:
        raise ForeignRunError(output, f"holds a training on dataset {run.dataset}, not {digest}")
    for name, value in run.recipe:
        if (wanted := getattr(recipe, name)) != value:
            raise ForeignRunError(output, f"holds a training with {name} {value}, not {wanted}")


@contextmanager
def alone(output: Path) -> Iterator[None]:
    """Be the only process that trains in this folder."""
    output.mkdir(parents=True, exist_ok=True)
    with (output / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyRunError(output) from None
        yield
