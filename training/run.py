"""`run.json`: what a training run is, written before its first step."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from physai.infrastructure.aside import whole_file
from physai.infrastructure.contracts import Digest, Document, LicensedPart, TensorSpec

from .errors import CheckpointError
from .il.recipe import Recipe

RUN_FILE = "run.json"
SUMMARY_FILE = "training.json"
SAMPLES_FILE = "observations.npz"
STATISTICS_FILE = "statistics.json"
BEST = "best"
"""Link to the checkpoint that succeeded most often, if the task was played."""


class TrainingRun(Document):
    """A training of one recipe on one dataset; with it, a checkpoint can be packaged without the dataset."""

    kind: Literal["training-run"] = "training-run"
    version: Literal[1] = 1
    run_id: str
    """MLflow run."""
    dataset: Digest
    """Content digest."""
    task: str
    robot: str
    rate_hz: float = Field(gt=0)
    """Rows per second of the dataset, and so the control rate."""
    inputs: tuple[TensorSpec, ...] = Field(min_length=1)
    """Observations, as the policy takes them."""
    action: TensorSpec
    """One action."""
    recipe: Recipe
    licences: tuple[LicensedPart, ...] = ()
    """Of the data, and of weights that the training began from; empty in runs from before it was recorded."""
    commit: str
    """Git commit of this code, or `unknown`."""


def code_commit() -> str:
    """Git commit this code is at; `unknown` if it is installed, though it be inside another repository."""
    here = Path(__file__).resolve()
    command = ["git", "-C", str(here.parent), "rev-parse", "HEAD", f"HEAD:./{here.name}"]
    try:
        asked = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        return "unknown"
    return asked.stdout.split()[0] if asked.returncode == 0 else "unknown"


def save_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays as `.npz`, whole or not at all; equal arrays give equal bytes."""
    with whole_file(path) as part, part.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # numpy's stub takes the names for its own options


def checkpoint_folder(run: Path, step: int) -> Path:
    """Where the checkpoint of a step is."""
    return run / "checkpoints" / f"{step:06d}"


def checkpoint_steps(run: Path) -> list[int]:
    """Steps of the whole checkpoints, ascending."""
    return sorted(int(path.name) for path in (run / "checkpoints").glob("*") if path.name.isdecimal())


def find_checkpoint(run: Path, name: str) -> tuple[Path, int]:
    """Folder and step of the checkpoint called `last` or `best`, or by its step.

    Raises:
        CheckpointError: If there is none.
    """
    known = checkpoint_steps(run)
    named = {"last": known[-1]} if known else {}
    if (link := run / "checkpoints" / BEST).is_symlink():
        named[BEST] = int(link.readlink().name)
    wanted = named.get(name, int(name) if name.isdecimal() else None)
    if wanted is None or wanted not in known:
        raise CheckpointError(run, f"no checkpoint '{name}'", [*(f"{step:06d}" for step in known), *named])
    return checkpoint_folder(run, wanted), wanted
