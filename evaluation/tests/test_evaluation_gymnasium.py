"""Gymnasium environments in the loop: rules, contracts, batches, hosts, rollouts, late answers."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from physai.evaluation.cli import app
from physai.evaluation.errors import TaskError
from physai.evaluation.examples.classic_control import (
    ACTION,
    CARTPOLE,
    PENDULUM,
    STATE,
    balancing,
    falling,
    linear,
    swinging,
)
from physai.evaluation.hil.clock import ClockOffset
from physai.evaluation.hil.ladder import Ladder
from physai.evaluation.hil.report import HilReport, RungResult
from physai.evaluation.report import check_report
from physai.evaluation.sil.conditions import create_conditions
from physai.evaluation.sil.device import read_device
from physai.evaluation.sil.entrants import read_entrants
from physai.evaluation.sil.evaluate import Plan, evaluate
from physai.evaluation.sil.profile import read_profile
from physai.evaluation.sil.success_rule import RuleError, read_rule
from physai.infrastructure.contracts import ConditionSet, EvaluationReport, World, digest_bytes
from physai.infrastructure.datasets import Dataset
from physai.infrastructure.fit import MisfitError

EPISODES = 17


def draw(task: str = CARTPOLE, success: str | None = "steps >= 200", horizon_s: float = 4.0) -> ConditionSet:
    options = {"episodes": EPISODES, "seed": 3, "horizon_s": horizon_s, "success": success}
    return create_conditions(task, World(name="nominal"), **options)


@pytest.fixture(scope="module")
def balance(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return balancing(tmp_path_factory.mktemp("gym") / "balance")


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., EvaluationReport]:
    """Evaluates candidate packages one after the other, each in an output of its own."""
    outputs = (tmp_path / f"out{number}" for number in range(9))

    def run(package: Path, conditions: ConditionSet, **options: object) -> EvaluationReport:
        entrants = read_entrants({"candidate": package})
        asked = {"expert": False, "server": None, "wait_s": 10.0, "envs": 4} | options
        return evaluate(Plan(conditions, entrants, **asked), next(outputs), lambda *_: None)

    return run


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a device that takes 0 to 100 ms, evenly: 0 to 5 control steps of CartPole."""
    path = tmp_path_factory.mktemp("hil") / "hil.json"
    rung = RungResult(
        rung="full",
        episodes=3,
        steps=90,
        success=None,
        latency_ms={"p0": 0.0, "p50": 50.0, "p100": 100.0},
        lateness_p99_ms=0.1,
        misses=3,
        longest_miss=1,
        aborted=None,
    )
    HilReport(
        package=digest_bytes(b"package"),
        conditions=digest_bytes(b"conditions"),
        url="http://device",
        rate_hz=50.0,
        clock=ClockOffset(offset_s=0.0, uncertainty_s=0.001),
        before=read_device(),
        after=None,
        ladder=Ladder(),
        rungs=(rung,),
    ).write(path)
    return path


def outcomes(report: EvaluationReport) -> list[tuple[int, bool, int, dict[str, float]]]:
    return [(e.condition, e.success, e.steps, e.kpis) for e in report.policies[0].episodes]


@pytest.mark.parametrize(
    ("text", "value", "holds"),
    [
        ("info.is_success", 1.0, True),
        ("info.is_success", 0.0, False),
        ("info.distance <= 0.05", 0.04, True),
        ("return >= -200", -201.0, False),
        ("steps > 9", 10.0, True),
    ],
)
def test_a_rule_says_what_success_is(text: str, value: float, holds: bool) -> None:
    rule = read_rule(text)
    assert rule.holds(value) is holds
    assert rule.at_end is not text.startswith("info.")


def test_a_value_that_was_not_told_is_no_success() -> None:
    assert not read_rule("info.distance <= 0.05").holds(float("nan"))
    assert not read_rule("info.is_success").holds(float("nan"))


@pytest.mark.parametrize("text", ["terminated", "steps", "return", "info.", "steps >= many", "info.a == 1", ""])
def test_a_rule_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(RuleError, match=r"Write 'info\.KEY'"):
        read_rule(text)


def test_without_a_rule_there_are_no_conditions() -> None:
    with pytest.raises(TaskError, match="what success is must be said"):
        draw(success=None)
    with pytest.raises(TaskError, match="NoSuchThing"):
        draw("gymnasium:NoSuchThing-v0")
    with pytest.raises(TaskError, match="has its own success term"):
        draw("Isaac-Reach-UR10")


def test_one_that_balances_succeeds_and_one_that_pushes_away_does_not(
    balance: Path, tmp_path: Path, play: Callable
) -> None:
    good, bad = play(balance, draw()), play(falling(tmp_path / "falling"), draw())
    assert good.policies[0].success.successes == EPISODES
    assert bad.policies[0].success.successes == 0
    for episode in bad.policies[0].episodes:
        assert episode.steps < 30  # terminated, and that is no success
        assert episode.kpis["return"] == episode.steps  # CartPole pays 1 a step
        assert set(episode.inference_ms) == {"p50", "p99"}


def test_outcomes_are_the_same_in_batches_of_1_4_and_16_and_with_workers(play: Callable, tmp_path: Path) -> None:
    package = swinging(tmp_path / "swinging")
    conditions = draw(PENDULUM, "return >= -800", horizon_s=2.0)
    first, *others = [play(package, conditions, envs=envs) for envs in (1, 4, 16)]
    others.append(play(package, conditions, envs=3, workers=True))
    assert 0 < first.policies[0].success.successes <= EPISODES
    assert all(outcomes(other) == outcomes(first) for other in others)
    assert len({episode.kpis["return"] for episode in first.policies[0].episodes}) == EPISODES


def test_actions_beyond_the_space_are_cut_and_counted(play: Callable, tmp_path: Path) -> None:
    report = play(swinging(tmp_path / "swinging"), draw(PENDULUM, "return >= -800", horizon_s=2.0))
    violations = [episode.kpis["limit_violations"] for episode in report.policies[0].episodes]
    assert 0 < max(violations) <= 40


def test_late_answers_hold_the_last_action_and_the_report_names_the_device(
    balance: Path, profile: Path, play: Callable
) -> None:
    device = read_profile(profile)
    first, *others = [play(balance, draw(), envs=envs, profile=device) for envs in (1, 4, 16)]
    assert first.device_profile == HilReport.read(profile).digest
    assert all(outcomes(other) == outcomes(first) for other in others)
    assert first.policies[0].success.successes < EPISODES  # 50 ms late, a pole falls
    for episode in first.policies[0].episodes:
        assert episode.kpis["deadline_misses"] > 0
        assert 0 <= episode.kpis["injected_p50_ms"] <= episode.kpis["injected_p99_ms"] <= 100


def test_another_device_is_another_evaluation(balance: Path, profile: Path, tmp_path: Path) -> None:
    plan = Plan(draw(horizon_s=0.2), read_entrants({"candidate": balance}), False, None, 10.0, 4)
    evaluate(plan, tmp_path / "out", lambda *_: None)
    with pytest.raises(Exception, match="other policies, conditions or device"):
        evaluate(plan._replace(profile=read_profile(profile)), tmp_path / "out", lambda *_: None)


def test_a_package_for_other_spaces_is_refused_before_the_first_step(tmp_path: Path, play: Callable) -> None:
    with pytest.raises(MisfitError, match=r"input 'observation\.state' is \(3,\), .* \(4,\)"):
        play(linear(tmp_path / "observation", CARTPOLE, np.zeros((3, 2))), draw())
    with pytest.raises(MisfitError, match="its rate is 20 Hz, the robot's is 50 Hz"):
        play(balancing(tmp_path / "rate", rate_hz=20.0), draw())
    with pytest.raises(MisfitError, match="its action is joint-effort"):
        play(balancing(tmp_path / "action", action_meaning="joint-effort"), draw())


def test_by_the_command_line_to_rollouts_that_lerobot_layout_holds(balance: Path, tmp_path: Path) -> None:
    drawn, out = tmp_path / "conditions.json", tmp_path / "out"
    runner = CliRunner()
    create = ["conditions", "create", "--task", CARTPOLE, "--success", "steps >= 100", "--episodes", "3"]
    assert runner.invoke(app, [*create, "--horizon-s", "2", "--output", str(drawn)]).exit_code == 0
    options = ["--conditions", str(drawn), "--policy", f"candidate={balance}", "--interval", "clopper-pearson"]
    assert runner.invoke(app, ["sil", "run", *options, "--output", str(out)]).exit_code == 0
    report = EvaluationReport.read(out / "report.json")
    check_report(report, out / "report.json")
    rate = report.policies[0].success
    # 3 of 3: the exact lower bound is the cube root of 0.025
    assert (rate.method, rate.lower) == ("clopper-pearson", pytest.approx(0.025 ** (1 / 3)))
    assert "steps &gt;= 100" in (out / "report.html").read_text()
    dataset = Dataset(out / "rollouts")
    dataset.verify()
    episode = dataset.episode(0)
    assert episode[STATE].shape == (100, 4)
    assert episode[ACTION].shape == (100, 2)
    assert episode["next.success"].tolist() == [False] * 99 + [True]
    assert np.all(episode["next.reward"] == 1)
