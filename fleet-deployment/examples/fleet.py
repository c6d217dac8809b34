"""What both examples stand on: a fleet in a folder, with packages and evidence small enough to read."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from physai.infrastructure.contracts import (
    Digest,
    EpisodeOutcome,
    EvaluationReport,
    GateVerdict,
    PolicyPackage,
    PolicyResult,
    Release,
    RuleVerdict,
)
from physai.infrastructure.rates import rate_of
from physai.infrastructure.registry import OciLayout, manifest_digest
from physai.infrastructure.robots import load_robot

from ..gitops.repository import FleetRepository
from ..publish import create_release
from ..runtime.service import describe

SAMPLE = Path(__file__).with_name("sample")  # a tiny real package: 6 joints, chunks of 8
UR10 = describe(load_robot("ur10"), "Isaac-Reach-UR10", 30.0)


@dataclass(frozen=True)
class Fleet:
    """A registry and a fleet repository in one folder, both real."""

    root: Path

    @property
    def registry(self) -> OciLayout:
        """Where packages are."""
        return OciLayout(self.root / "registry")

    @property
    def repository(self) -> FleetRepository:
        """Where releases are committed."""
        return FleetRepository(str(self.root / "fleet.git"))

    def propose_sample(self, name: str, cohort: str, robots: Sequence[str], successes: int, episodes: int) -> Release:
        """Propose a package of its own, with an evaluation of so many episodes."""
        package = sample_package(self.root / "packages" / name, name)
        report, verdict = evidence(self.root / "evidence" / name, manifest_digest(package), successes, episodes)
        where = {"registry": self.registry, "repository": self.repository}
        return create_release(package, report, verdict, cohort=cohort, robots=robots, name=name, **where)  # type: ignore[arg-type]


def sample_package(folder: Path, name: str) -> Path:
    """The sample package under a name, and so a digest, of its own."""
    if not folder.exists():
        shutil.copytree(SAMPLE, folder)
        PolicyPackage.read(folder / "package.json").model_copy(update={"name": name}).write(folder / "package.json")
    return folder


def evidence(folder: Path, package: Digest, successes: int, episodes: int) -> tuple[Path, Path]:
    """A report on so many episodes of a package, and a verdict that passes it."""
    outcomes = tuple(EpisodeOutcome(condition=i, success=i < successes, steps=30) for i in range(episodes))
    rate = rate_of(successes, episodes)
    report = EvaluationReport(
        task=UR10.task,
        world="nominal",
        conditions="sha256:" + "1" * 64,
        policies=(PolicyResult(role="candidate", package=package, success=rate, episodes=outcomes),),
    )
    rule = RuleVerdict(rule="candidate success.lower >= 0.5", value=rate.lower, bound=0.5, verdict="PASS")
    verdict = GateVerdict(report=report.digest, package=package, verdict="PASS", rules=(rule,))
    return report.write(folder / "report.json"), verdict.write(folder / "verdict.json")
