"""Pretrained weights: fetched at a pinned revision, and adapters merged into them."""

import os
import re
import shutil
from pathlib import Path

from . import language  # noqa: F401  first, see there

# isort: split
from physai.infrastructure.aside import whole_folder

from ..errors import CheckpointError, PinError, WeightsError
from ..run import find_checkpoint

NOTES = ".cache/huggingface"
"""What the library notes of a download, with its time; the same commit is to give the same folder."""
COMMIT = re.compile(r"[0-9a-f]{40}")


def fetch(repository: str, revision: str, output: Path) -> Path:
    """Fetch a checkpoint from a Hugging Face hub at one commit.

    The token, where the repository asks for one, is the credential HF_TOKEN; HF_ENDPOINT names another hub.

    Args:
        repository: E.g. `lerobot/smolvla_base`.
        revision: Commit, 40 hexadecimal digits: a branch moves.
        output: Where the folder appears.

    Raises:
        PinError: If the revision is no commit.
        WeightsError: If the hub does not answer or refuses, the name is none, or the disk is full.
        OccupiedError: If something is at `output`.
    """
    if not COMMIT.fullmatch(revision):
        raise PinError(repository, revision)
    os.environ["HF_HUB_OFFLINE"] = "0"  # the one place that asks a hub
    from httpx import HTTPError
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    try:
        with whole_folder(output, mark=revision[:12], keep=True) as part:
            snapshot_download(repository, revision=revision, local_dir=part)
            shutil.rmtree(part / NOTES, ignore_errors=True)
    except (HTTPError, HFValidationError, OSError) as error:
        raise WeightsError(repository, revision, error) from error
    return output


def merge(run: Path, output: Path, checkpoint: str = "last") -> Path:
    """Write a checkpoint with its adapters merged into the weights: LeRobot loads it without the base or PEFT.

    Raises:
        CheckpointError: If there is no such checkpoint, or it has no adapters.
        OccupiedError: If something is at `output`.
    """
    from ..il import policy
    from ..il.checkpoints import PRETRAINED

    folder = find_checkpoint(run, checkpoint)[0] / PRETRAINED
    if not (folder / policy.ADAPTER).exists():
        raise CheckpointError(folder, "has no adapters to merge")
    made = policy.load(folder)
    merged = made.policy.merge_and_unload()
    merged.config.use_peft, merged.config.pretrained_path = False, None
    with whole_folder(output) as part:
        merged.save_pretrained(part)
        made.pre.save_pretrained(part)
        made.post.save_pretrained(part)
    return output
