"""How a policy is to be trained by reinforcement; whatever is left open is what the task's authors chose."""

from enum import StrEnum
from typing import Any, Self

from pydantic import Field, ValidationError, model_validator

from physai.infrastructure.contracts import Contract, Digest

from ..errors import RecipeError


class Library(StrEnum):
    """An RL library that Isaac Lab trains with."""

    RSL_RL = "rsl_rl"
    SKRL = "skrl"


class Recipe(Contract):
    """A training up to its last iteration; in each, all environments make some steps, then the agent learns."""

    task: str
    """Isaac Lab's id."""
    library: Library
    agent: str | None = None
    """Isaac Lab's name of an agent configuration of the task; None: its usual one."""
    num_envs: int | None = Field(default=None, gt=0)
    """Environments per process; None: the task's own number."""
    iterations: int | None = Field(default=None, gt=0)
    """None: the agent's own number."""
    seed: int = Field(default=42, ge=0)
    deterministic: bool = False
    """Ask physics, Warp and torch for the same numbers in every run."""
    stop_at_success: float | None = Field(default=None, gt=0, le=1)
    """Success rate of late at which the training ends."""
    checkpoint_every: int = Field(default=50, gt=0)
    """Iterations."""
    start_from: Digest | None = None
    """Checkpoint whose weights the training starts from."""
    overrides: tuple[str, ...] = ()
    """Hydra overrides of task and agent, as Isaac Lab takes them: `agent.algorithm.learning_rate=1e-3`."""

    @classmethod
    def of(cls, **chosen: Any) -> Self:
        """What was chosen, and the defaults.

        Raises:
            RecipeError: If a value is out of range.
        """
        try:
            return cls(**chosen)
        except ValidationError as error:
            first = error.errors()[0]
            raise RecipeError(str(first["loc"][0]), f"{first['msg']}, got {first['input']}") from error

    @model_validator(mode="after")
    def _overrides_name_a_field(self) -> Self:
        for text in self.overrides:
            if "=" not in text or text.startswith("-"):
                raise RecipeError("set", f"'{text}' is no override; write for example agent.algorithm.gamma=0.98")
        return self
