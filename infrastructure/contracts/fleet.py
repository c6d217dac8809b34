"""What the fleet is told, and what is made of what it tells: releases, robot state, drift, retrain requests."""

from typing import Literal

from pydantic import AwareDatetime, Field

from .base import Contract, Digest, Document
from .evaluation import Rate
from .window import Window


class Approval(Contract):
    """Who or what let a release go to robots, and on what evidence."""

    by: str
    """A person, or the rule that approved, e.g. `gate`."""
    at: AwareDatetime
    reason: str


class Release(Document):
    """What a cohort of robots is to run; a file in the fleet's Git repository."""

    kind: Literal["release"] = "release"
    version: Literal[1] = 1
    name: str
    package: Digest
    """OCI manifest digest of the policy package."""
    report: Digest
    """Of the evaluation report that speaks for it."""
    verdict: Digest
    """Of the gate verdict."""
    cohort: str
    robots: tuple[str, ...] = Field(min_length=1)
    created_at: AwareDatetime
    windows: tuple[Window, ...] = ()
    """When robots may switch to it, beside what their own rules say; empty for any time."""
    approval: Approval | None = None
    """None until approved; robots run only approved releases."""
    withdrawn: Approval | None = None
    """Who or what took it back, and why; robots leave a withdrawn release."""


class RobotState(Document):
    """What one robot is running."""

    kind: Literal["robot-state"] = "robot-state"
    version: Literal[1] = 1
    robot: str
    release: str
    package: Digest
    activated_at: AwareDatetime
    state: Literal["active", "running", "stopped"]


class Attribution(Contract):
    """Where in the fleet the failures are."""

    level: Literal["policy", "site", "cohort", "robot"]
    """`policy`: no part of the fleet fails clearly more than the rest."""
    name: str
    inside: Rate
    """Production success of that part, since the change."""
    outside: Rate | None
    """That of the rest; None if there is no rest."""
    p_value: float
    """Of equal success inside and outside, one-sided, after Holm's correction; 1 at the level of the policy."""


class Spell(Contract):
    """A drift that was called, and is over."""

    changed_at: int
    """Episodes before the change, as estimated."""
    detected_at: int
    """Episodes seen when drift was called."""
    recovered_at: int
    """Episodes seen when recovery was."""


class DriftReport(Document):
    """Production success of one package against its own evaluation."""

    kind: Literal["drift-report"] = "drift-report"
    version: Literal[3] = 3
    policy: Digest
    report: Digest
    """Of the evaluation report that holds the baseline."""
    baseline: Rate
    production: Rate
    method: str
    """Name and source of the test."""
    allowance: float
    """Failures an episode that are no evidence."""
    statistic: tuple[float, ...]
    """Failures beyond the allowance since all was well, after each production episode in the order of their start; from
    zero again after a recovery."""
    threshold: float
    """The statistic at which drift is called."""
    least_failures: int
    """A call rests on so many failures at least."""
    false_alarm: float
    """Bound on the probability of a call within `horizon` episodes when nothing has changed."""
    horizon: int
    """Production episodes."""
    detected_at: int | None
    """Number of episodes seen when drift was called; None if it was not, or is over."""
    changed_at: int | None = None
    """Episodes before the change, as estimated; None if there is no drift."""
    attribution: Attribution | None = None
    """Where the failures are; None if there is no drift."""
    spells: tuple[Spell, ...] = ()
    """Drifts that are over, in order."""
