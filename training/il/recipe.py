"""How a policy is trained: every number that changes the result."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, JsonValue, ValidationError

from physai.infrastructure.contracts import Contract, Digest

from ..errors import RecipeError, UnknownPolicyError

if TYPE_CHECKING:
    from physai.infrastructure.datasets import Info

POLICIES = ("act", "diffusion", "vqbet")
LANGUAGE_POLICIES = ("smolvla", "pi0", "pi05")
"""Policies that are told their task in words, and begin from pretrained weights."""

Observation = Literal["state", "image"]


def unseen(info: "Info", observation: Observation) -> list[str]:
    """Depth cameras, which no policy here is given: those of LeRobot take pictures of three channels."""
    return sorted(info.depth_cameras) if observation == "image" else []


def is_gymnasium(task: str) -> bool:
    """Whether an id is one of Gymnasium's, `[MODULE:]NAMESPACE/NAME-vN`; those of Isaac Lab have neither mark."""
    return "/" in task or ":" in task


class Recipe(Contract):
    """A training, but for its data. The defaults learn `Isaac-Reach-UR10` in 15 s on one core.

    Source of the shape: small ACT without its variational part, absolute joint targets, one-cycle learning rate; what
    was tried is in this domain's README.
    """

    policy: str = "act"
    """LeRobot's name of the policy."""
    observation: Observation = "state"
    """`state`: joint angles and target pose; `image`: joint angles and every camera of colours."""
    steps: int = Field(default=1000, ge=1)
    batch_size: int = Field(default=64, ge=1)
    """Rows per step, shared out among processes."""
    lr: float = Field(default=2e-3, gt=0)
    """Peak of the one-cycle schedule."""
    weight_decay: float = Field(default=1e-4, ge=0)
    warmup: float = Field(default=0.05, gt=0, lt=1)
    """Share of the steps in which the learning rate rises."""
    clip_norm: float = Field(default=10.0, gt=0)
    """Largest norm of a gradient."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """`bf16`: forward pass in bfloat16 where PyTorch holds that to be safe, weights in float32."""
    seed: int = Field(default=0, ge=0)
    chunk: int = Field(default=16, ge=1)
    """Actions that the policy foresees."""
    action_steps: int = Field(default=8, ge=1)
    """Actions that are played before the policy is asked again."""
    dim: int = Field(default=64, ge=8)
    """Width: of ACT's and VQ-BeT's transformer, a multiple of `heads`; of the first stage of Diffusion's U-Net."""
    heads: int = Field(default=4, ge=1)
    feedforward: int = Field(default=256, ge=1)
    encoder_layers: int = Field(default=2, ge=1)
    decoder_layers: int = Field(default=1, ge=1)
    denoising_steps: int = Field(default=10, ge=1)
    """Diffusion: steps of DDIM from noise to actions."""
    options: dict[str, JsonValue] = {}
    """Further fields of LeRobot's own configuration of the policy, over all that is said above."""
    start: Digest | None = None
    """Digest of the pretrained checkpoint that training begins from; None begins from random weights."""
    backbone: Digest | None = None
    """Digest of the file of weights that the image encoder begins from; None begins from random ones."""
    lora_rank: int = Field(default=0, ge=0)
    """Rank of the adapters that are trained beside frozen weights; 0 trains the weights themselves."""
    checkpoint_every: int = Field(default=500, ge=1)
    """Steps between checkpoints."""
    heldout_every: int = Field(default=100, ge=1)
    """Steps between looks at the held-out episodes."""
    log_every: int = Field(default=25, ge=1)
    """Steps over which one logged loss is averaged."""
    check_task: str | None = None
    """Isaac Lab's or Gymnasium's id of the task that the policy plays while it is trained; None plays none."""
    check_options: dict[str, JsonValue] = {}
    """What an environment of Gymnasium is given when it is made."""
    check_every: int = Field(default=500, ge=1)
    """Steps between these checks; the last step is one."""
    check_episodes: int = Field(default=50, ge=1)
    """Episodes of a check, from the same starts each time."""

    @classmethod
    def of(cls, policy: str, observation: Observation, known: tuple[str, ...] = POLICIES, **chosen: JsonValue) -> Self:
        """The defaults for this policy and observation, with what was chosen instead.

        Raises:
            UnknownPolicyError: If there is no such policy.
            RecipeError: If a value is out of range.
        """
        if policy not in known:
            raise UnknownPolicyError(policy, known)
        defaults = DEFAULTS[observation] | POLICY_DEFAULTS.get(policy, {})
        values = {**defaults, **{name: value for name, value in chosen.items() if value is not None}}
        try:
            recipe = cls(policy=policy, observation=observation, **values)
        except ValidationError as error:
            first = error.errors()[0]
            raise RecipeError(str(first["loc"][-1]), f"{first['msg']}, got {first['input']}") from error
        recipe.check()
        return recipe

    def check(self) -> None:
        """Refuse values that do not go together.

        Raises:
            RecipeError: Naming the first of them.
        """
        if self.action_steps > self.chunk:
            raise RecipeError("action_steps", f"{self.action_steps} actions cannot be played of {self.chunk}")
        if taken := sorted(STEPS_PLAYED & set(self.options)):
            raise RecipeError("option", f"{taken[0]} is --action-steps, which a package tells robots; say it there")
        if self.policy in ("act", "vqbet") and self.dim % self.heads:
            raise RecipeError("dim", f"{self.dim} is no multiple of {self.heads} heads")
        if self.policy == "diffusion" and self.chunk % 4:
            raise RecipeError("chunk", f"Diffusion's U-Net halves it twice, and {self.chunk} is no multiple of 4")
        if self.policy == "diffusion" and self.action_steps >= self.chunk:
            raise RecipeError("action_steps", f"Diffusion plays at most {self.chunk - 1} of {self.chunk} actions")
        if self.policy == "vqbet" and self.observation != "image":
            raise RecipeError("observation", "VQ-BeT looks through one camera, choose `image`")
        if self.backbone and self.observation != "image":
            raise RecipeError("backbone", "a policy without a camera has no image encoder, choose `image`")
        if self.check_options and not is_gymnasium(self.check_task or ""):
            raise RecipeError(
                "task_option", "they are for an environment of Gymnasium, named NAMESPACE/NAME-v0 by --task"
            )
        if self.policy == "vqbet" and self.check_task:
            raise RecipeError("task", "LeRobot asks VQ-BeT for one robot at a time; leave it out")


STEPS_PLAYED = {"n_action_steps", "action_chunk_size"}
"""LeRobot's fields for what is `action_steps` here."""
DEFAULTS: dict[Observation, dict[str, Any]] = {
    "state": {},
    "image": {"batch_size": 16, "lr": 3e-4, "dim": 128, "feedforward": 512, "steps": 1500},
}
POLICY_DEFAULTS: Mapping[str, dict[str, Any]] = {
    "diffusion": {"lr": 1e-3, "weight_decay": 1e-6},
    "vqbet": {"lr": 1e-3, "weight_decay": 1e-6},
    **{name: {"lr": 1e-4, "weight_decay": 1e-10, "chunk": 50, "action_steps": 50} for name in LANGUAGE_POLICIES},
}
