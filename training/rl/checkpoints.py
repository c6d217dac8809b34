"""Checkpoints of an RL training, each there whole or not at all: `checkpoints/000050/{model.pt,checkpoint.json}`."""

import io
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from physai.infrastructure.aside import whole_folder
from physai.infrastructure.contracts import Digest, digest_bytes, digest_file
from physai.infrastructure.errors import one_line
from physai.infrastructure.storage import open_store

from ..errors import CheckpointError, SaveError
from ..run import checkpoint_folder, find_checkpoint
from .run import MARK_FILE, MODEL_FILE, Checkpoint

FOLDER = "checkpoints"


def save(run: Path, model: Mapping[str, Any], mark: Checkpoint) -> Checkpoint:
    """Write a checkpoint beside its place, bring it to the disk, then rename it.

    Args:
        run: Folder of the run.
        model: What the library wants to have back.
        mark: What is known of it but its digest.

    Raises:
        SaveError: If the disk refuses; the checkpoints before are as they were.
    """
    target = checkpoint_folder(run, mark.iteration)
    content = io.BytesIO()
    torch.save(dict(model), content)
    mark = mark.model_copy(update={"model": digest_bytes(content.getvalue())})
    try:
        with whole_folder(target) as part:
            (part / MODEL_FILE).write_bytes(content.getvalue())
            mark.write(part / MARK_FILE)
    except OSError as error:
        raise SaveError(target, error) from error
    return mark


def find(run: Path, name: str = "last") -> tuple[Path, Checkpoint]:
    """The model file of a checkpoint, and what is known of it.

    Args:
        run: Folder of a run.
        name: `last`, or an iteration.

    Raises:
        CheckpointError: If there is none, or its model is not the one that was saved, or holds more than numbers.
    """
    folder, _ = find_checkpoint(run, name)
    mark = Checkpoint.read(folder / MARK_FILE)
    verify(folder / MODEL_FILE, mark.model)
    check_plain(folder / MODEL_FILE)
    return folder / MODEL_FILE, mark


def check_plain(model: Path) -> None:
    """Refuse a model file that is more than tensors and plain values; RSL-RL and skrl would run the code in it.

    Source: pytorch.org/docs, `torch.load`, `weights_only`.

    Raises:
        CheckpointError: If it is, or cannot be read.
    """
    try:
        torch.load(model, map_location="cpu", weights_only=True)
    except Exception as error:  # a torn file fails in as many ways as PyTorch has of reading one
        why = one_line(error, 160)
        raise CheckpointError(model, f"holds more than weights, or is torn ({why})") from error


def verify(model: Path, digest: Digest) -> None:
    """Refuse a model file that is missing, or has other bytes.

    Raises:
        CheckpointError: If it is not the one.
    """
    if not model.is_file():
        raise CheckpointError(model, "is missing")
    if (got := digest_file(model)) != digest:
        raise CheckpointError(model, f"has digest {got}, wanted {digest}: it was changed or damaged")


def publish(run: Path, uri: str) -> None:
    """Copy what is new of a run's checkpoints.

    Raises:
        StorageError: If the store refuses.
    """
    open_store(uri).sync_up(run / FOLDER, FOLDER)


def fetch(uri: str, run: Path) -> None:
    """Take the newest whole checkpoint of a store, if it has any.

    Raises:
        StorageError: If the store refuses, or a file is damaged.
    """
    store = open_store(uri)
    keys = {stored.key for stored in store.list(FOLDER)}
    steps = {key.split("/")[1] for key in keys if key.endswith(f"/{MARK_FILE}")}
    whole = [step for step in steps if step.isdecimal() and f"{FOLDER}/{step}/{MODEL_FILE}" in keys]
    if whole:
        newest = max(whole, key=int)
        with whole_folder(run / FOLDER / newest) as part:
            store.sync_down(f"{FOLDER}/{newest}", part)


def sweep(run: Path) -> None:
    """Remove what a kill has left half-written."""
    for part in (run / FOLDER).glob(".*.part"):
        shutil.rmtree(part)
