"""A tiny real policy, and reports with outcomes of our choice."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from physai.evaluation.examples.reach import JOINTS, build_package
from physai.evaluation.metrics import success_rate
from physai.evaluation.report import make_report
from physai.evaluation.sil.host import PolicyHost
from physai.evaluation.sil.served import ServedPolicy
from physai.evaluation.sil.server import running
from physai.infrastructure.contracts import (
    Condition,
    ConditionSet,
    EpisodeOutcome,
    EvaluationReport,
    PolicyResult,
    Role,
    World,
    digest_bytes,
)


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keeps every joint where it is."""
    return build_package(tmp_path_factory.mktemp("packages") / "hold")


@pytest.fixture(scope="session")
def other_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Doubles every joint angle."""
    return build_package(tmp_path_factory.mktemp("packages") / "double", gain=2.0)


@pytest.fixture
def make_package(tmp_path: Path) -> Callable[..., Path]:
    """Builds a package with fields of its contract replaced."""
    return lambda **changes: build_package(tmp_path / "package", **changes)


@pytest.fixture(scope="session")
def url(package: Path, other_package: Path) -> Iterator[str]:
    """A host that serves the two packages as `hold` and `double`, with bodies up to 100 kB."""
    policies = [ServedPolicy.load(package, "hold"), ServedPolicy.load(other_package, "double")]
    with running(PolicyHost(policies, max_body_bytes=100_000)) as url:
        yield url


def make_result(role: Role, outcomes: Sequence[bool], package: str | None = None) -> PolicyResult:
    """A result with these outcomes, condition by condition."""
    return PolicyResult(
        role=role,
        package=None if role == "expert" else package or digest_bytes(role.encode()),
        success=success_rate(outcomes),
        episodes=tuple(
            EpisodeOutcome(condition=i, success=ok, steps=40 if ok else 150, kpis={"final_error_m": 0.01 * i})
            for i, ok in enumerate(outcomes)
        ),
    )


def draw_conditions(n: int) -> ConditionSet:
    """Some conditions of the reach task."""
    condition = Condition(joint_pos_rad=(0.0, -1.7, 1.7, 0.0, 0.0, 0.0), command=(0.5, 0.0, 0.3, 0.0, 0.7, 0.0, 0.7))
    return ConditionSet(
        task="Isaac-Reach-UR10",
        world=World(name="nominal"),
        seed=1,
        horizon_s=5.0,
        joint_names=JOINTS,
        conditions=(condition,) * n,
    )


@pytest.fixture(scope="session")
def make_evaluation() -> Callable[..., EvaluationReport]:
    """Builds a report from outcomes by role, the candidate first."""

    def make(candidate_package: str | None = None, **outcomes: Sequence[bool]) -> EvaluationReport:
        results = [
            make_result(role, successes, candidate_package if role == "candidate" else None)  # type: ignore[arg-type]
            for role, successes in outcomes.items()
        ]
        return make_report(draw_conditions(len(results[0].episodes)), tuple(results))

    return make


@pytest.fixture(scope="session")
def make_conditions() -> Callable[[int], ConditionSet]:
    """Makes a set of so many conditions."""
    return draw_conditions
