"""How a policy is trained: every number that changes the result."""

from typing import Literal, Self

from pydantic import Field, ValidationError

from physai.infrastructure.contracts import Contract

from ..errors import RecipeError, UnknownPolicyError

POLICIES = ("act",)

Observation = Literal["state", "image"]


class Recipe(Contract):
    """A training, but for its data. The defaults learn `Isaac-Reach-UR10` in 15 s on one core.

    Source of the shape: small ACT without its variational part, absolute joint targets, one-cycle learning rate; what
    was tried is in this domain's README.
    """

    policy: Literal["act"] = "act"
    observation: Observation = "state"
    """`state`: joint angles and target pose; `image`: joint angles and every camera."""
    steps: int = Field(default=1000, ge=1)
    batch_size: int = Field(default=64, ge=1)
    lr: float = Field(default=2e-3, gt=0)
    """Peak of the one-cycle schedule."""
    weight_decay: float = Field(default=1e-4, ge=0)
    warmup: float = Field(default=0.05, gt=0, lt=1)
    """Share of the steps in which the learning rate rises."""
    clip_norm: float = Field(default=10.0, gt=0)
    """Largest norm of a gradient."""
    seed: int = Field(default=0, ge=0)
    chunk: int = Field(default=16, ge=1)
    """Actions that the policy foresees."""
    action_steps: int = Field(default=8, ge=1)
    """Actions that are played before the policy is asked again."""
    dim: int = Field(default=64, ge=8)
    """Width of the transformer; a multiple of `heads`."""
    heads: int = Field(default=4, ge=1)
    feedforward: int = Field(default=256, ge=1)
    encoder_layers: int = Field(default=2, ge=1)
    decoder_layers: int = Field(default=1, ge=1)
    checkpoint_every: int = Field(default=500, ge=1)
    """Steps between checkpoints."""
    heldout_every: int = Field(default=100, ge=1)
    """Steps between looks at the held-out episodes."""
    log_every: int = Field(default=25, ge=1)
    """Steps over which one logged loss is averaged."""

    @classmethod
    def of(cls, policy: str, observation: Observation, **chosen: float | None) -> Self:
        """The defaults for this observation, with what was chosen instead.

        Raises:
            UnknownPolicyError: If there is no such policy.
            RecipeError: If a value is out of range.
        """
        if policy not in POLICIES:
            raise UnknownPolicyError(policy, POLICIES)
        values = {**DEFAULTS[observation], **{name: value for name, value in chosen.items() if value is not None}}
        try:
            recipe = cls(policy="act", observation=observation, **values)  # type: ignore[arg-type]  # checked by pydantic
        except ValidationError as error:
            first = error.errors()[0]
            raise RecipeError(str(first["loc"][-1]), f"{first['msg']}, got {first['input']}") from error
        if recipe.action_steps > recipe.chunk:
            raise RecipeError("action_steps", f"{recipe.action_steps} actions cannot be played of {recipe.chunk}")
        if recipe.dim % recipe.heads:
            raise RecipeError("dim", f"{recipe.dim} is no multiple of {recipe.heads} heads")
        return recipe


DEFAULTS: dict[Observation, dict[str, float]] = {
    "state": {},
    "image": {"batch_size": 16, "lr": 3e-4, "dim": 128, "feedforward": 512, "steps": 1500},
}
