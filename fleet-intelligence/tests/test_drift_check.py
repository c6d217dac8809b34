import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from physai.fleet_intelligence.cli import app
from physai.fleet_intelligence.drift.check import check_drift, find_baseline, in_order_of_start
from physai.fleet_intelligence.drift.cusum import Level
from physai.fleet_intelligence.errors import (
    EmptyTelemetryError,
    OtherPolicyError,
    TooFewEpisodesError,
)
from physai.fleet_intelligence.telemetry.store import TelemetryStore
from physai.infrastructure.contracts import (
    DriftReport,
    EpisodeEvent,
    EvaluationReport,
    digest_bytes,
)
from physai.infrastructure.registry import manifest_digest, open_registry
from physai.infrastructure.settings import settings
from physai.infrastructure.tests.registry_packages import make_package

from .make_laps import event, outcomes, result

POLICY = digest_bytes(b"policy")
DATASET = digest_bytes(b"dataset")


def report(policy: str = POLICY, successes: int = 54, episodes: int = 60) -> EvaluationReport:
    return EvaluationReport(
        task="Isaac-Reach-UR10",
        world="nominal",
        conditions=digest_bytes(b"conditions"),
        policies=(result("candidate", policy, successes, episodes), result("expert", None, episodes, episodes)),
    )


def production(successes: int, episodes: int, policy: str = POLICY) -> list[EpisodeEvent]:
    return [event(index, success, policy) for index, success in enumerate(outcomes(successes, episodes))]


def checked(successes: int, episodes: int) -> tuple[DriftReport, list[EpisodeEvent]]:
    events = production(successes, episodes)
    evaluation = report()
    return check_drift(evaluation, find_baseline(evaluation, POLICY, "r"), events, Level(0.05, 100)), events


def test_a_drop_is_called_at_the_first_episode_that_reaches_the_threshold() -> None:
    drift, events = checked(40, 96)
    assert drift.detected_at is not None
    assert len(drift.statistic) == len(events)
    assert drift.statistic[drift.detected_at - 1] >= drift.threshold
    assert max(drift.statistic[: drift.detected_at - 1], default=0.0) < drift.threshold
    assert (drift.production.successes, drift.production.episodes) == (40, 96)
    assert (drift.policy, drift.report) == (POLICY, report().digest)


@pytest.mark.parametrize("successes", [45, 48, 50])
def test_nobody_retrains_on_fewer_than_five_failures(successes: int) -> None:
    """After 50 of 50 even four failures in a row say nothing yet."""
    evaluation = report(successes=50, episodes=50)
    baseline = find_baseline(evaluation, POLICY, "r")
    events = [event(index, not 10 <= index < 14, POLICY) for index in range(96)]
    assert check_drift(evaluation, baseline, events, Level(0.5, 10)).detected_at is None
    called = check_drift(report(successes=successes, episodes=50), baseline, production(0, 96), Level(0.05, 100))
    assert called.detected_at is not None
    assert called.detected_at >= 5


def test_a_change_after_many_good_episodes_is_dated() -> None:
    """200 good episodes, then every second fails: the statistic last touched zero just before."""
    events = [event(index, index < 200 or index % 2 == 0, POLICY) for index in range(240)]
    evaluation = report()
    drift = check_drift(evaluation, find_baseline(evaluation, POLICY, "r"), events, Level(0.05, 200))
    assert drift.detected_at is not None
    assert drift.changed_at == 201  # episode 200 still succeeds, 201 is the first to fail


def test_production_as_good_as_the_evaluation_is_no_drift() -> None:
    assert checked(86, 96)[0].detected_at is None


def test_episodes_are_taken_in_the_order_in_which_they_began() -> None:
    """Sixteen arms at once: the failures take all the time there is and end last."""
    begun = production(8, 16)
    ended = sorted(begun, key=lambda each: not each.data.success)
    assert in_order_of_start(ended) == begun
    robots = [event(index, True, POLICY, robot) for robot in ("robot-2", "robot-1") for index in range(2)]
    assert [(each.data.episode, each.data.robot[-1]) for each in in_order_of_start(robots)] == [
        (0, "1"),
        (0, "2"),
        (1, "1"),
        (1, "2"),
    ]


def test_a_report_about_another_package_is_refused_by_name() -> None:
    with pytest.raises(OtherPolicyError, match="says nothing about") as caught:
        find_baseline(report(digest_bytes(b"other")), POLICY, "report.json")
    assert POLICY in str(caught.value)
    assert f"candidate {digest_bytes(b'other')}" in str(caught.value)


def test_an_evaluation_that_is_too_short_is_no_baseline() -> None:
    with pytest.raises(TooFewEpisodesError, match="10 episodes, and fewer than 20 cannot decide"):
        find_baseline(report(successes=9, episodes=10), POLICY, "report.json")


def test_so_little_production_that_nothing_could_be_called_is_refused() -> None:
    evaluation = report()
    with pytest.raises(TooFewEpisodesError, match="7 episodes, and fewer than 8 cannot decide"):
        check_drift(evaluation, evaluation.policies[0], production(0, 7), Level(0.05, 100))


class Setup:
    """A package, its report and a store of telemetry."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.package = make_package(folder / "package", dataset=DATASET)
        self.digest = manifest_digest(self.package)
        report(self.digest).write(folder / "report.json")
        self.store = folder / "t.db"
        self.drift = folder / "out" / "drift.json"

    def produce(self, successes: int, episodes: int) -> None:
        self.store.unlink(missing_ok=True)
        with TelemetryStore(self.store) as store:
            store.add(production(successes, episodes, self.digest))

    def check(self, *words: str, package: bool = True, code: int = 0) -> str:
        named = ["--package", str(self.package)] if package else []
        paths = ["--report", self.folder / "report.json", "--output", self.drift]
        command = ["drift", "check", *map(str, paths), "--store", str(self.store), *named, *words]
        outcome = CliRunner().invoke(app, command, env={"COLUMNS": "160"})
        if outcome.exception is not None and not isinstance(outcome.exception, SystemExit):
            raise outcome.exception
        assert outcome.exit_code == code, outcome.output
        return outcome.output


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    return Setup(tmp_path)


def test_the_command_writes_a_report(setup: Setup) -> None:
    setup.produce(40, 96)
    printed = json.loads(setup.check("--json"))
    assert printed["detected_at"] == DriftReport.read(setup.drift).detected_at is not None
    assert "called after" in setup.check()
    setup.produce(88, 96)
    assert "none" in setup.check()
    assert DriftReport.read(setup.drift).detected_at is None


def test_a_package_is_named_by_its_digest_or_found_in_the_registry(setup: Setup) -> None:
    setup.produce(40, 96)
    setup.check("--policy", setup.digest, package=False)
    assert open_registry(str(settings().registry)).push(setup.package, "candidate") == setup.digest
    setup.check("--policy", "candidate", package=False)
    assert DriftReport.read(setup.drift).policy == setup.digest


def test_a_chart_is_written_on_request(setup: Setup) -> None:
    setup.produce(40, 96)
    setup.check("--html", str(setup.folder / "drift.html"))
    page = (setup.folder / "drift.html").read_text()
    assert "Drift, called after" in page
    assert "<svg" in page


def test_a_refused_check_writes_nothing(setup: Setup) -> None:
    with pytest.raises(EmptyTelemetryError, match="It is empty"):
        setup.check()
    with TelemetryStore(setup.store) as store:
        store.add(production(5, 10))
    with pytest.raises(EmptyTelemetryError, match=f"It has episodes of {POLICY}"):
        setup.check()
    setup.produce(40, 96)
    with pytest.raises(EmptyTelemetryError, match="at site 'plant-9'"):
        setup.check("--site", "plant-9")
    for words in ([], ["--package", str(setup.package), "--policy", setup.digest]):
        assert "one of --package and --policy" in setup.check(*words, package=False, code=2)
    assert not setup.drift.exists()


def test_what_will_be_found_is_told_beforehand() -> None:
    outcome = CliRunner().invoke(app, ["drift", "power", "--success", "0.9", "--production-episodes", "40", "--json"])
    rows = json.loads(outcome.stdout)["rows"]
    assert [round(row["production_rate"], 2) for row in rows] == [0.9, 0.8, 0.75, 0.7, 0.6, 0.5, 0.4]
    found = [row["found"] for row in rows]
    assert found[0] <= 0.05
    assert found == sorted(found)
    assert (
        "unchanged (false alarm)" in CliRunner().invoke(app, ["drift", "power", "--production-episodes", "20"]).stdout
    )
