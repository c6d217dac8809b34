"""The rules of a gate: when, in which condition, on whose word and after which proof a policy may take over."""

from typing import Literal

from pydantic import Field

from physai.infrastructure.contracts import Contract, Digest, Window, YamlDocument

from .sequential import Baseline, TrialRules


class ConditionRules(Contract):
    """What the robot must be doing when a policy takes over. It is never mid-episode, and never in emergency stop."""

    idle: bool = True
    docked: bool = False
    min_battery: float = Field(default=0.0, ge=0, le=1)
    """State of charge; 0 asks for none."""
    operator_present: bool = False
    clock_synced: bool = False
    max_age_s: float = Field(default=10.0, gt=0)
    """Age at which a measured condition no longer counts."""


class AutoApproval(Contract):
    """A rule that approves in a person's place, when all of it holds."""

    name: str = Field(min_length=1)
    fleet_approved_by: tuple[str, ...] = ()
    """Who must have approved the release in the fleet's repository; empty for anyone or no one."""
    min_success: float = Field(default=0.0, ge=0, le=1)
    """Lowest success rate in the evaluation."""
    min_episodes: int = Field(default=1, ge=1)
    """Fewest episodes of the evaluation."""
    packages: tuple[Digest, ...] = ()
    """Only these; empty for any."""


class ShadowBounds(Contract):
    """How far a new policy's actions may be from the running one's, over the same observations."""

    min_steps: int = Field(default=200, ge=1)
    max_rms: float = Field(gt=0)
    """Root mean square of the difference, in the action's unit, of the worst joint."""
    max_abs: float = Field(gt=0)
    """Greatest difference of any joint in any step."""
    max_violations: int = Field(default=0, ge=0)
    """Steps in which the new policy's action was not finite or beyond a joint's range."""


class GateRules(YamlDocument):
    """The rules of a gate. The defaults: one person approves, at any hour, between episodes."""

    kind: Literal["gate-rules"] = "gate-rules"
    version: Literal[1] = 1
    windows: tuple[Window, ...] = ()
    """One of them must be open; empty for any time."""
    condition: ConditionRules = ConditionRules()
    approvals: int = Field(default=1, ge=1, le=5)
    """How many different persons must approve."""
    approval_valid_h: float = Field(default=168.0, gt=0)
    """An approval older than this is asked for again."""
    automatic: tuple[AutoApproval, ...] = ()
    """Each approves in the place of persons; empty for none."""
    shadow: ShadowBounds | None = None
    """None to go without shadow mode."""
    trial: TrialRules | None = TrialRules()
    """Confirmation by production; None leaves it to a person."""


class Evidence(Contract):
    """What speaks for a release."""

    baseline: Baseline
    """Of its own evaluation."""
    fleet_approved_by: str | None = None
    """Who approved it in the fleet's repository."""
