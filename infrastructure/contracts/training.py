"""What a training says when it has ended."""

from typing import Literal, Self

from pydantic import Field, model_validator

from .base import Digest, Document
from .evaluation import Rate


class TrainingSummary(Document):
    """`training.json` of a training run: its curves, for whoever draws them."""

    kind: Literal["training-summary"] = "training-summary"
    version: Literal[1] = 1
    run_id: str
    """MLflow run."""
    policy: str
    """LeRobot's or the RL library's name of the policy, e.g. `act`."""
    dataset: Digest
    """Content digest of the training dataset."""
    parameters: int = Field(ge=1)
    """Numbers in the policy that were learned."""
    steps: tuple[int, ...]
    """Ascending; at each of them `loss` was noted."""
    loss: tuple[float, ...]
    """Mean over the steps since the one before."""
    heldout_steps: tuple[int, ...] = ()
    heldout_loss: tuple[float, ...] = ()
    """On episodes that were not trained on; empty if there are none."""
    checked_steps: tuple[int, ...] = ()
    """Steps at which the policy played its task; there is a checkpoint of each."""
    success: tuple[Rate, ...] = ()
    """How often it succeeded then, on the same starts each time."""
    best_step: int | None = None
    """Checkpoint with the highest success rate, the first of equals; None if the task was not played."""
    seconds: float = Field(ge=0)
    """Spent training and playing, over all starts of the run."""

    @model_validator(mode="after")
    def _same_lengths(self) -> Self:
        if len(self.steps) != len(self.loss) or len(self.heldout_steps) != len(self.heldout_loss):
            raise ValueError("there must be one loss for each step")
        if len(self.checked_steps) != len(self.success):
            raise ValueError("there must be one success rate for each step at which the task was played")
        return self
