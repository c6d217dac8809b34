"""What an evaluation says: outcomes, rates with intervals, paired comparisons, gate verdicts."""

from typing import Literal, Self

from pydantic import Field, model_validator

from .base import Contract, Digest, Document

Role = Literal["candidate", "champion", "expert", "untrained"]
Interval = Literal["wilson", "clopper-pearson"]
Verdict = Literal["PASS", "FAIL", "INCONCLUSIVE"]

REPORT, CONDITIONS, ROLLOUTS, FILM = "report.json", "conditions.json", "rollouts", "rollout.mp4"
"""Names in an evaluation's folder: the report, what was played, the candidate's dataset, and its first conditions."""


class Rate(Contract):
    """A success rate with its interval.

    Sources: Wilson 1927, doi:10.1080/01621459.1927.10502953; Clopper and Pearson 1934, doi:10.1093/biomet/26.4.404.
    """

    successes: int = Field(ge=0)
    episodes: int = Field(ge=1)
    value: float
    lower: float
    upper: float
    confidence: float = 0.95
    method: Interval = "wilson"
    """Clopper-Pearson never covers less than it says, and is wider."""


class EpisodeOutcome(Contract):
    """One episode of an evaluation."""

    condition: int
    """Index in the condition set."""
    success: bool
    """By the task's own success term."""
    steps: int
    """Control steps until success, or until the horizon."""
    kpis: dict[str, float] = {}
    """Further measures with the unit in the name, e.g. `final_error_m`, `path_length_rad`."""
    inference_ms: dict[str, float] = {}
    """Round trips to the policy host that this episode took part in: `p50`, `p99`."""


class PolicyResult(Contract):
    """How one policy did on the condition set."""

    role: Role
    package: Digest | None
    """None for the expert, which has no package."""
    success: Rate
    episodes: tuple[EpisodeOutcome, ...]
    inference_ms: dict[str, float] = {}
    """Round trip to the policy host: `p50`, `p99`; empty for the expert."""


class PairedComparison(Contract):
    """Candidate against reference on the same conditions."""

    candidate: Role
    reference: Role
    wins: int
    """Conditions where only the candidate succeeds."""
    losses: int
    ties: int
    difference: float
    """Success of candidate minus reference."""
    lower: float
    upper: float
    confidence: float
    method: str
    """Name and source of the interval."""
    p_value: float = Field(ge=0, le=1)
    """Of McNemar's exact test, two-sided."""


class SequentialDesign(Contract):
    """What a sequential comparison must be able to tell, decided before the first episode."""

    reference: float = Field(default=0.6, gt=0, lt=1)
    """Expected success of the reference policy."""
    improvement: float = Field(default=0.2, gt=0, lt=1)
    """The least gain in success that is worth knowing of."""
    alpha: float = Field(default=0.025, gt=0, lt=0.5)
    """Probability, at most, that a candidate that is not better is called better."""
    power: float = Field(default=0.8, gt=0.5, lt=1)
    """Probability, at least, that a candidate better by `improvement` is called better."""

    @property
    def candidate(self) -> float:
        """Success of a candidate that is just worth knowing of."""
        return round(self.reference + self.improvement, 12)

    @model_validator(mode="after")
    def _room_above(self) -> Self:
        if self.candidate >= 1:
            raise ValueError(f"reference + improvement is {self.candidate:g}, and must stay below 1")
        return self


class OperatingCharacteristic(Contract):
    """What a sequential test does if the two success rates are these."""

    reference: float
    candidate: float
    called_better: float
    """Probability."""
    mean_episodes: float
    median_episodes: int
    p90_episodes: int


class SequentialPlan(Contract):
    """A sequential test: its boundaries, and what they cost. `evaluation/metrics/sequential.py` tells the method."""

    design: SequentialDesign
    upper: float
    """Log likelihood ratio at which the candidate is called better."""
    lower: float
    """Log likelihood ratio at which it is called not better."""
    better: OperatingCharacteristic
    """If the candidate is better by `improvement`."""
    equal: OperatingCharacteristic
    worse: OperatingCharacteristic
    """If it is worse by `improvement`, or never succeeds."""


class SequentialComparison(Contract):
    """Candidate against reference on the same conditions, until it was clear."""

    candidate: Role
    reference: Role
    plan: SequentialPlan
    episodes: int = Field(ge=1)
    """Conditions that counted; those played beyond the decision do not."""
    wins: int = Field(ge=0)
    """Conditions, of those that counted, where only the candidate succeeded."""
    losses: int = Field(ge=0)
    statistic: float
    """Log likelihood ratio after the last of them."""
    decision: Literal["better", "not-better", "undecided"]


class RuleVerdict(Contract):
    """One rule of a gate, answered."""

    rule: str
    """The rule as written, e.g. `candidate success lower bound >= 0.7`."""
    value: float | None
    """None if the report does not hold the metric; such a rule never passes."""
    bound: float
    verdict: Verdict


class GateVerdict(Document):
    """What a gate says of one policy in one report."""

    kind: Literal["gate-verdict"] = "gate-verdict"
    version: Literal[1] = 1
    report: Digest
    package: Digest
    role: Role = "candidate"
    """Whose result was judged."""
    gates: Digest | None = None
    """Of the rules that were applied."""
    verdict: Verdict
    rules: tuple[RuleVerdict, ...] = Field(min_length=1)


class EvaluationReport(Document):
    """Evidence about the policies that met one condition set."""

    kind: Literal["evaluation-report"] = "evaluation-report"
    version: Literal[1] = 1
    task: str
    world: str
    conditions: Digest
    device_profile: Digest | None = None
    """Of the rehearsal whose latencies were put between robot and policy; None if nothing was put in."""
    policies: tuple[PolicyResult, ...] = Field(min_length=1)
    comparisons: tuple[PairedComparison, ...] = ()
    sequential: SequentialComparison | None = None
    """Set if the number of episodes was left to a sequential test; fixed-number intervals are too narrow then."""

    def result(self, role: Role) -> PolicyResult | None:
        """The result of one role, or None if it did not take part."""
        return next((policy for policy in self.policies if policy.role == role), None)
