"""What can happen to a robot's policies. Each event is plain data, and one line of the journal."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, TypeAdapter

from physai.infrastructure.contracts import Contract, Digest, RobotCondition, Window

from .rules import Evidence, GateRules

Who = Annotated[str, Field(min_length=1, max_length=120)]
Why = Annotated[str, Field(min_length=1, max_length=500)]
Name = Annotated[str, Field(min_length=1, max_length=63)]


class Happening(Contract):
    """What every event has."""

    at: AwareDatetime
    """By the robot's clock, which may jump."""


class OfRelease(Happening):
    """About one release; refused if another has taken its place."""

    release: Name


class Decision(OfRelease):
    """Someone decided."""

    by: Who
    reason: Why


class Staged(OfRelease):
    """A package is on the robot, and its digests, golden vectors and contract are checked."""

    event: Literal["staged"] = "staged"
    package: Digest
    evidence: Evidence
    windows: tuple[Window, ...] = ()
    """Of the release, beside those of the rules."""


class ShadowJudged(OfRelease):
    """The candidate ran beside the active policy, and its actions were compared."""

    event: Literal["shadow-judged"] = "shadow-judged"
    passed: bool
    why: Why


class Presented(OfRelease):
    """The candidate has all it needs to be decided about."""

    event: Literal["presented"] = "presented"


class Approved(Decision):
    """A person, or a rule, approves."""

    event: Literal["approved"] = "approved"
    package: Digest
    """What they saw; refused if the release now names another."""
    automatic: bool = False


class Rejected(Decision):
    """A person, or a failed check, turns the candidate down for good."""

    event: Literal["rejected"] = "rejected"


class Began(OfRelease):
    """The robot is about to switch."""

    event: Literal["began"] = "began"
    condition: RobotCondition


class Activated(OfRelease):
    """The robot has switched."""

    event: Literal["activated"] = "activated"


class Failed(OfRelease):
    """The switch did not succeed; the policy before it still serves."""

    event: Literal["failed"] = "failed"
    reason: Why


class Outcome(OfRelease):
    """A production episode under the active policy has ended."""

    event: Literal["outcome"] = "outcome"
    episode: int = Field(ge=0, lt=100_000)
    success: bool


class Confirmed(Decision):
    """A person confirms the active policy."""

    event: Literal["confirmed"] = "confirmed"


class RolledBack(Decision):
    """A person, or the fleet, sends the robot back to the policy before, for good."""

    event: Literal["rolled-back"] = "rolled-back"


class Halted(Happening):
    """Nothing may be activated from now on. A rollback still may."""

    event: Literal["halted"] = "halted"
    by: Who
    reason: Why


class Resumed(Happening):
    """The end of a halt."""

    event: Literal["resumed"] = "resumed"
    by: Who
    reason: Why


class RulesSet(Happening):
    """Other rules are in force from now on; what was decided stays decided."""

    event: Literal["rules-set"] = "rules-set"
    by: Who
    rules: GateRules


class Rebooted(Happening):
    """The gate's process began anew, after whatever ended the one before."""

    event: Literal["rebooted"] = "rebooted"


type Event = Annotated[
    Staged
    | ShadowJudged
    | Presented
    | Approved
    | Rejected
    | Began
    | Activated
    | Failed
    | Outcome
    | Confirmed
    | RolledBack
    | Halted
    | Resumed
    | RulesSet
    | Rebooted,
    Field(discriminator="event"),
]
EVENT: TypeAdapter[Event] = TypeAdapter(Event)
