"""Writes evaluation reports and gate verdicts about a package, consistent down to their digests."""

from pathlib import Path
from typing import Literal, NamedTuple

from physai.infrastructure.contracts import (
    Digest,
    EpisodeOutcome,
    EvaluationReport,
    GateVerdict,
    PolicyResult,
    Rate,
    RuleVerdict,
)

EPISODES = 20


class Evidence(NamedTuple):
    """Where report and verdict lie."""

    report: Path
    verdict: Path


def write_evidence(
    folder: Path, package: Digest, *, successes: int = 19, verdict: Literal["PASS", "FAIL", "INCONCLUSIVE"] = "PASS"
) -> Evidence:
    """A report on 20 episodes of a package, and the verdict on it."""
    episodes = tuple(EpisodeOutcome(condition=i, success=i < successes, steps=30) for i in range(EPISODES))
    rate = Rate(successes=successes, episodes=EPISODES, value=successes / EPISODES, lower=0.76, upper=0.99)
    report = EvaluationReport(
        task="Isaac-Reach-UR10",
        world="nominal",
        conditions="sha256:" + "1" * 64,
        policies=(PolicyResult(role="candidate", package=package, success=rate, episodes=episodes),),
    )
    rule = RuleVerdict(rule="candidate success.lower >= 0.7", value=0.76, bound=0.7, verdict=verdict)
    judged = GateVerdict(report=report.digest, package=package, verdict=verdict, rules=(rule,))
    return Evidence(report.write(folder / "report.json"), judged.write(folder / "verdict.json"))
