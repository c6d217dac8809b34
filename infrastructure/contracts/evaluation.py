"""What an evaluation says: outcomes, rates with intervals, paired comparisons, gate verdicts."""

from typing import Literal

from pydantic import Field

from .base import Contract, Digest, Document

Role = Literal["candidate", "champion", "expert", "untrained"]
Verdict = Literal["PASS", "FAIL", "INCONCLUSIVE"]


class Rate(Contract):
    """A success rate with its interval. Source: Wilson 1927, doi:10.1080/01621459.1927.10502953."""

    successes: int = Field(ge=0)
    episodes: int = Field(ge=1)
    value: float
    lower: float
    upper: float
    confidence: float = 0.95
    method: Literal["wilson"] = "wilson"


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
    policies: tuple[PolicyResult, ...] = Field(min_length=1)
    comparisons: tuple[PairedComparison, ...] = ()

    def result(self, role: Role) -> PolicyResult | None:
        """The result of one role, or None if it did not take part."""
        return next((policy for policy in self.policies if policy.role == role), None)
