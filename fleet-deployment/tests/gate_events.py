"""Events and a clock for tests of the gate."""

from datetime import UTC, datetime, timedelta

from physai.fleet_deployment.gating import events as ev
from physai.fleet_deployment.gating.rules import Evidence
from physai.fleet_deployment.gating.sequential import Baseline
from physai.infrastructure.contracts import RobotCondition

NOW = datetime(2026, 6, 3, 12, tzinfo=UTC)  # a Wednesday
EVIDENCE = Evidence(baseline=Baseline(successes=450, episodes=500))


def package_of(release: str) -> str:
    return "sha256:" + f"{sum(release.encode()):x}".rjust(64, "0")


def condition(at: datetime = NOW, **changes: object) -> RobotCondition:
    return RobotCondition(
        **{"robot": "robot-1", "at": at, "idle": True, "mid_episode": False, "e_stop": False, **changes}  # type: ignore[arg-type]
    )


def staged(release: str, at: datetime = NOW, evidence: Evidence = EVIDENCE) -> ev.Staged:
    return ev.Staged(at=at, release=release, package=package_of(release), evidence=evidence)


def approved(release: str, by: str = "anna", at: datetime = NOW) -> ev.Approved:
    return ev.Approved(at=at, release=release, package=package_of(release), by=by, reason="looks good")


def began(release: str, at: datetime = NOW, **changes: object) -> ev.Began:
    return ev.Began(at=at, release=release, condition=condition(at, **changes))


def way_in(release: str, at: datetime = NOW) -> tuple[ev.Event, ...]:
    """From nothing to active."""
    return (
        staged(release, at),
        ev.Presented(at=at, release=release),
        approved(release, at=at),
        began(release, at),
        ev.Activated(at=at, release=release),
    )


def outcomes(release: str, failures: int, episodes: int) -> list[ev.Event]:
    """Episodes, the failed ones first."""
    return [
        ev.Outcome(at=NOW + timedelta(seconds=n), release=release, episode=n, success=n >= failures)
        for n in range(episodes)
    ]
