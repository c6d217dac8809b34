"""What a robot's gate is told and tells: the robot's condition, its policies, the record of each decision."""

from typing import Any, Literal

from pydantic import AwareDatetime, Field

from .base import Contract, Digest, Document

Stage = Literal[
    "staged", "awaiting", "approved", "activating", "active", "confirmed", "rejected", "rolled-back", "superseded"
]


class RobotCondition(Document):
    """What a robot is doing now. None is unknown, which never satisfies a rule that asks for it."""

    kind: Literal["robot-condition"] = "robot-condition"
    version: Literal[1] = 1
    robot: str
    at: AwareDatetime
    """When it was measured, by the robot's clock."""
    idle: bool
    mid_episode: bool
    e_stop: bool
    """Whether an emergency stop is engaged."""
    docked: bool | None = None
    battery: float | None = Field(default=None, ge=0, le=1)
    """State of charge; None for a robot on mains."""
    operator_present: bool | None = None
    clock_synced: bool | None = None
    """Whether the clock follows a time server."""


class HeldPolicy(Contract):
    """A policy that a robot holds, and how far it has come."""

    release: str
    package: Digest
    stage: Stage
    approved_by: tuple[str, ...] = ()
    successes: int = 0
    """Production episodes that succeeded since it became active, until it was confirmed."""
    episodes: int = 0
    shadow: str | None = None
    """What came of its run in shadow mode; None if there was none yet."""


class ShadowRun(Contract):
    """How a candidate's actions compare with those of the running policy so far, over the same observations."""

    release: str
    steps: int
    min_steps: int
    """Fewest that are judged."""
    rms: float
    """Root mean square of the difference, in the action's unit, of the worst joint."""
    max_abs: float
    """Greatest difference of any joint in any step."""
    violations: int
    """Steps in which its action was not finite or beyond a joint's range."""
    skipped: int
    """Steps that it was too slow to answer."""


class GateStatus(Document):
    """The state of one robot's gate."""

    kind: Literal["gate-status"] = "gate-status"
    version: Literal[1] = 1
    robot: str
    candidate: HeldPolicy | None
    active: HeldPolicy | None
    last_good: HeldPolicy | None
    """Where a rollback returns to."""
    halted: str | None
    """Why nothing may be activated; None if it may."""
    hold: bool
    """Whether no episode may begin: the active policy is withdrawn or bad, and there is none before it."""
    fault: str | None = None
    """Why the gate refuses every change, e.g. a damaged journal; the serving policy stays."""
    waiting_for: str | None = None
    """What the next step of the candidate waits for."""
    shadow: ShadowRun | None = None
    """The candidate's run in shadow mode, while it lasts."""
    records: int
    head: str
    """Hash of the newest record of the audit log."""


class AuditRecord(Document):
    """One decision of a gate. Each holds the hash of the one before it."""

    kind: Literal["audit-record"] = "audit-record"
    version: Literal[1] = 1
    seq: int = Field(ge=0)
    at: AwareDatetime
    subject: str
    """Whose log it is, e.g. a robot."""
    event: dict[str, Any]
    """What happened, with `event` as its name."""
    result: str
    """What came of it, e.g. `pilot-reach-0a1b2c3d: awaiting -> approved`."""
    prev: str = Field(pattern=r"^[0-9a-f]{64}$")
    hash: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    """SHA-256 of the canonical JSON of everything above."""
    signature: str = Field(default="", pattern=r"^([0-9a-f]{128})?$")
    """Ed25519 over the hash. Source: RFC 8032."""
