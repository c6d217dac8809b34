"""The best of a sweep."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from physai.infrastructure.aside import whole_folder
from physai.infrastructure.contracts import TrainingSummary

from ..errors import NoHeldoutError
from ..run import SUMMARY_FILE


def choose(runs: Sequence[Path], output: Path) -> dict[str, float]:
    """Copy the run whose last checkpoint has the lowest loss on held-out episodes; the first of equals.

    Returns:
        Folder of each run → that loss.

    Raises:
        MissingFileError: If a training has not ended.
        NoHeldoutError: If one has looked at no held-out episodes.
        OccupiedError: If something is at `output`.
    """
    losses = {}
    for run in runs:
        summary = TrainingSummary.read(run / SUMMARY_FILE)
        if not summary.heldout_loss:
            raise NoHeldoutError(run)
        losses[str(run)] = summary.heldout_loss[-1]
    with whole_folder(output) as part:
        shutil.copytree(min(losses, key=losses.__getitem__), part, symlinks=True, dirs_exist_ok=True)
    return losses
