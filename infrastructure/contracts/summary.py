"""The laps of the loop in numbers, each from an artifact on disk."""

from typing import Literal

from pydantic import AwareDatetime, Field

from .base import Contract, Digest, Document
from .evaluation import PairedComparison, Rate, Role


class VerdictSummary(Contract):
    """What a gate said of one policy."""

    role: Role
    package: Digest
    verdict: Literal["PASS", "FAIL", "INCONCLUSIVE"]
    failed: tuple[str, ...]
    """Rules that were not passed, as written."""


class TaskTime(Contract):
    """When a task of the workflow ran."""

    task: str
    started_at: AwareDatetime
    seconds: float = Field(ge=0)
    """Of its last attempt."""


class LapSummary(Contract):
    """One lap. What is None was not there to be read, or does not apply; `problems` says which is which."""

    lap: int = Field(ge=1)
    world: str | None
    """Where the policies were evaluated."""
    episodes_recorded: int | None
    dataset: Digest | None
    dataset_episodes: int | None
    """With those of earlier laps that were merged."""
    run_id: str | None
    """MLflow run of the training."""
    training_steps: int | None
    training_s: float | None
    package: Digest | None
    report: Digest | None
    expert: Rate | None
    policy: Rate | None
    """The candidate in its evaluation."""
    untrained: Rate | None
    champion: Rate | None
    """The lap before's policy in this lap's world; None in the first lap."""
    comparison: PairedComparison | None
    """Candidate against champion on the same conditions."""
    verdicts: tuple[VerdictSummary, ...]
    release: str | None
    """Name in the fleet's repository."""
    release_digest: Digest | None
    production: Rate | None
    drop: float | None
    """Success in the evaluation minus success in production."""
    drift: Digest | None
    """Of the drift report."""
    detected_at: int | None
    """Production episodes after which drift was called; None if it was not."""
    request: Digest | None
    """Of the retrain request."""
    requested_episodes: int | None
    tasks: tuple[TaskTime, ...]
    problems: tuple[str, ...]
    """What is missing, damaged or contradicts something else, by name."""


class FlywheelSummary(Document):
    """`summary.json` of a flywheel."""

    kind: Literal["flywheel-summary"] = "flywheel-summary"
    version: Literal[1] = 1
    laps: tuple[LapSummary, ...] = Field(min_length=1)
    episodes_recorded: int
    production_episodes: int
    training_s: float
    tasks_s: float
    """Sum over all tasks; tasks that ran at the same time count each."""
    wall_s: float | None
    """From the first task's start to the last one's end; None if no task's time is known."""
