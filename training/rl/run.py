"""What lies in the folder of a training by reinforcement. Needs no PyTorch."""

import json
from pathlib import Path
from typing import Literal

from pydantic import Field

from physai.infrastructure.contracts import Contract, Digest, Document

from ..errors import ForeignRunError
from ..run import RUN_FILE, SUMMARY_FILE
from .recipe import Recipe

INTERFACE_FILE = "interface.json"
MODEL_FILE, MARK_FILE = "model.pt", "checkpoint.json"


class RlRun(Document):
    """`run.json`, written before the first step."""

    kind: Literal["rl-run"] = "rl-run"
    version: Literal[1] = 1
    run_id: str
    """MLflow run; empty on all nodes but the first."""
    recipe: Recipe
    publish: str | None
    """URI that checkpoints are copied to."""
    commit: str
    """Git commit of this code, or `unknown`."""


class Checkpoint(Document):
    """`checkpoint.json`, beside the model it speaks of."""

    kind: Literal["rl-checkpoint"] = "rl-checkpoint"
    version: Literal[1] = 1
    iteration: int = Field(ge=0)
    """Iterations that are in the model."""
    env_steps: int = Field(ge=0)
    """Steps of all environments together."""
    seconds: float = Field(ge=0)
    """Spent training, over all starts of the run."""
    success_rate: float | None
    """Of late; None if the task states none, or no whole episode has ended."""
    episodes: int = Field(ge=0)
    """Whole episodes that the rate is of."""
    model: Digest
    """Of `model.pt`, which is in the library's own format."""


class RlSummary(Document):
    """`training.json`: there when the training has ended."""

    kind: Literal["rl-summary"] = "rl-summary"
    version: Literal[1] = 1
    run_id: str
    task: str
    library: str
    iterations: int
    env_steps: int
    seconds: float
    success: str | None
    """What counts as success, in words; None if the task does not say."""
    success_rate: float | None
    episodes: int
    stopped_early: bool
    """At the success rate that was asked for."""
    checkpoint: Digest
    """Of the last model."""


class Listed(Contract):
    """A task that can be trained."""

    task: str
    libraries: tuple[str, ...]
    agents: tuple[str, ...] = ()
    """Agent configurations, for `--agent`."""


class TaskList(Contract):
    """All of them."""

    tasks: tuple[Listed, ...]


def is_rl(folder: Path) -> bool:
    """Whether a folder holds a training by reinforcement; broken files are for their reader to name."""
    try:
        kind = json.loads((folder / RUN_FILE).read_bytes())["kind"]
    except (OSError, ValueError, LookupError, TypeError):
        return False
    return bool(kind == RlRun.kind_name())


def read_run(output: Path) -> RlRun | None:
    """The run of a folder; None if it is empty.

    Raises:
        ForeignRunError: If the folder holds something else.
    """
    if (output / RUN_FILE).exists():
        return RlRun.read(output / RUN_FILE)
    if output.is_dir() and any(path.name != ".lock" for path in output.iterdir()):
        raise ForeignRunError(output, f"is not empty, and has no {RUN_FILE} of a training")
    return None


def finished(output: Path, recipe: Recipe) -> RlSummary | None:
    """The summary of this very training, if it has ended.

    Raises:
        ForeignRunError: If the folder belongs to another one.
    """
    run = read_run(output)
    if run is None:
        return None
    for name, value in run.recipe:
        if (wanted := getattr(recipe, name)) != value:
            raise ForeignRunError(output, f"holds a training with {name} {value}, not {wanted}")
    return RlSummary.read(output / SUMMARY_FILE) if (output / SUMMARY_FILE).exists() else None
