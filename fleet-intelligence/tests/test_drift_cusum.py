import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physai.fleet_intelligence.drift.cusum import (
    LEAST_FAILURES,
    UNITS,
    Chart,
    Level,
    design,
    design_recovery,
    false_alarms,
    first_call,
    follow,
    statistic,
)
from physai.fleet_intelligence.drift.operating import first_passage, operating, power
from physai.fleet_intelligence.errors import ShortEvaluationError

LEVEL = Level(0.05, 100)


def test_the_statistic_is_worked_by_hand() -> None:
    """Allowance 4/24. Two successes leave it at 0, a failure adds 20, a success takes 4, two failures add 40."""
    values = statistic(Chart(down=4, limit=50), np.array([True, True, False, True, False, False]))
    assert values.tolist() == [0, 0, 20, 16, 36, 56]
    assert first_call(Chart(4, 50), values) == 6
    assert first_call(Chart(4, 57), values) is None


def test_the_allowance_is_reynolds_and_stoumbos() -> None:
    """Failing 10 %, dropped 25 %: r1 = -ln(.75/.9) = .182, r2 = ln(.25 * .9 / (.1 * .75)) = 1.099; .166 is 4/24."""
    assert design((180, 200), LEVEL).allowance == pytest.approx(4 / 24)


@pytest.mark.parametrize("rate", [0.1, 0.4])
def test_the_chain_agrees_with_the_enumeration_of_every_course(rate: float) -> None:
    chart, episodes = Chart(down=5, limit=45), 10
    called = 0.0
    for course in itertools.product([True, False], repeat=episodes):
        if first_call(chart, statistic(chart, np.array(course))) is not None:
            failures = course.count(False)
            called += rate**failures * (1 - rate) ** (episodes - failures)
    assert first_passage(chart, 1 - rate, episodes)[-1] == pytest.approx(called, rel=1e-12)
    assert false_alarms(chart, np.array([rate]), episodes)[0] == pytest.approx(called, rel=1e-12)


def test_the_shortcut_over_a_long_horizon_agrees_with_every_single_step() -> None:
    chart = design((180, 200), Level(0.05, 5000))
    assert false_alarms(chart, np.array([0.1]), 5000)[0] == pytest.approx(first_passage(chart, 0.9, 5000)[-1], rel=1e-3)


@settings(max_examples=25, deadline=None)
@given(successes=st.integers(0, 60))
def test_no_chart_calls_on_fewer_than_five_failures(successes: int) -> None:
    """Also at the least careful level there is."""
    chart = design((successes, 60), Level(0.5, 10))
    assert (LEAST_FAILURES - 1) * chart.up < chart.limit
    assert chart.least_episodes >= LEAST_FAILURES


@pytest.mark.parametrize("level", [Level(0.05, 100), Level(0.01, 100)])
@pytest.mark.parametrize("rate", [0.5, 0.8, 0.9, 0.95, 0.99])
def test_false_alarms_stay_near_or_below_the_stated_level_for_every_true_rate(rate: float, level: Level) -> None:
    """Exact, over every evaluation of 60 episodes and every course of 100 production episodes.

    The level holds on average over what an evaluation leaves open; for single rates it is exceeded by a fifth at most.
    """
    assert operating(rate, 60, rate, 100, level).found <= 1.2 * level.false_alarm


def test_a_shorter_evaluation_gets_a_higher_threshold() -> None:
    thresholds = [design((9 * tens, 10 * tens), LEVEL).threshold for tens in (3, 6, 20, 100)]
    assert thresholds == sorted(thresholds, reverse=True)
    assert thresholds[0] > thresholds[-1]


def test_an_evaluation_that_leaves_too_much_open_is_refused() -> None:
    with pytest.raises(ShortEvaluationError, match="20 episodes leaves too much open"):
        design((18, 20), Level(0.001, 100_000))


def test_a_drop_from_09_to_05_is_found_within_20_episodes() -> None:
    found = operating(0.9, 60, 0.5, 96, LEVEL)
    assert found.median_episodes is not None
    assert found.median_episodes <= 20
    assert found.found >= 0.99


def test_a_longer_evaluation_finds_a_small_drop_sooner() -> None:
    short, long = (operating(0.9, episodes, 0.75, 200, LEVEL) for episodes in (50, 400))
    assert long.found > short.found


def test_a_simulation_agrees_with_the_exact_computation() -> None:
    """2,000 fleets, seed 1: binomial evaluation of 60, then 96 episodes of production."""
    rng = np.random.default_rng(1)
    runs, episodes = 2000, 96
    for rate in (0.9, 0.65):
        evaluations = rng.binomial(60, 0.9, runs)
        outcomes = rng.random((runs, episodes)) < rate
        called = np.zeros(runs, dtype=bool)
        for evaluation in np.unique(evaluations):
            chart = design((int(evaluation), 60), LEVEL)
            same = evaluations == evaluation
            called[same] = (statistic(chart, outcomes[same]) >= chart.limit).any(axis=1)
        exact = operating(0.9, 60, rate, episodes, LEVEL).found
        error = 4 * np.sqrt(exact * (1 - exact) / runs)  # four standard errors
        assert called.mean() == pytest.approx(exact, abs=error)


def test_the_plan_holds_each_drop_that_is_possible() -> None:
    plan = power(0.3, 60, 40, LEVEL)
    assert [round(row.production_rate, 2) for row in plan.rows] == [0.3, 0.2, 0.15, 0.1, 0.0]


def test_a_failure_and_the_allowance_make_one_episode() -> None:
    chart = design((54, 60), LEVEL)
    assert chart.up + chart.down == UNITS


def test_recovery_is_found_and_the_next_drift_after_it() -> None:
    """Good, all failing, all good for long, all failing again: one spell that is over, one drift that is not."""
    level = Level(0.05, 1000)
    drift, recovery = design((180, 200), level), design_recovery((180, 200), level)
    outcomes = np.array([True] * 30 + [False] * 20 + [True] * 120 + [False] * 20)
    course = follow(drift, recovery, outcomes)
    (spell,) = course.spells
    assert (spell.changed_at, course.changed_at) == (30, 170)
    assert 30 < spell.detected_at <= 50 < spell.recovered_at <= 170
    assert course.detected_at is not None
    assert course.detected_at > 170
    assert course.statistic.shape == outcomes.shape
    assert course.statistic[spell.recovered_at] == 0


def test_a_drop_that_stays_is_not_called_recovered() -> None:
    """Success stays at 0.75, the smallest drop from 0.9 worth a call: of 200 streams of 1,000 at most 5 % recover."""
    recovery = design_recovery((180, 200), Level(0.05, 1000))
    outcomes = np.random.default_rng(3).random((200, 1000)) < 0.75
    called = (statistic(recovery, ~outcomes) >= recovery.limit).any(axis=1)
    assert called.mean() <= 0.08  # 5 %, and two standard errors
