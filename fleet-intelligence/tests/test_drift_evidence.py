from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import betaln
from scipy.stats import beta

from physai.fleet_intelligence.drift.evidence import (
    first_call,
    least_episodes,
    log_bayes_factor,
    log_evidence,
    log_threshold,
)
from physai.fleet_intelligence.drift.operating import call_boundary, operating


def test_the_first_episode_is_worked_by_hand() -> None:
    """Posterior of p after 54 of 60: Beta(54.5, 6.5), mean 54.5/61. A dropped q is uniform below p: its mean is p/2."""
    mean = 54.5 / 61
    success = log_evidence((54, 60), np.array([True]))[0]
    failure = log_evidence((54, 60), np.array([False]))[0]
    assert success == pytest.approx(log((mean / 2) / mean), abs=1e-4)
    assert failure == pytest.approx(log((1 - mean / 2) / (1 - mean)), abs=1e-4)


def test_the_threshold_is_villes() -> None:
    assert log_threshold(0.05) == pytest.approx(log(20))


@pytest.mark.parametrize("baseline", [(54, 60), (58, 60), (45, 50), (180, 200), (20, 20)])
@pytest.mark.parametrize(("successes", "episodes"), [(5, 20), (10, 15), (0, 3), (60, 96)])
def test_the_quadrature_agrees_with_adaptive_integration(
    baseline: tuple[int, int], successes: int, episodes: int
) -> None:
    good, bad = baseline[0] + 0.5, baseline[1] - baseline[0] + 0.5
    failures = episodes - successes

    def integrand(rate: float) -> float:
        return float(beta.pdf(rate, good, bad) * beta.cdf(rate, successes + 1, failures + 1) / rate)

    middle = good / (good + bad)
    area = quad(integrand, 0, 1, limit=400, points=[middle, 1 - 1e-3])[0]
    expected = log(area) + betaln(successes + 1, failures + 1)
    expected -= betaln(good + successes, bad + failures) - betaln(good, bad)
    got = log_bayes_factor(baseline, np.array([successes]), np.array([episodes]))[0]
    assert got == pytest.approx(expected, abs=1e-3)


@given(
    baseline=st.tuples(st.integers(0, 60), st.just(60)),
    successes=st.integers(0, 80),
    more=st.integers(1, 80),
)
def test_more_successes_are_never_more_evidence_of_a_drop(baseline: tuple[int, int], successes: int, more: int) -> None:
    episodes = np.array([160, 160])
    fewer, greater = log_bayes_factor(baseline, np.array([successes, successes + more]), episodes)
    assert greater <= fewer + 1e-9


@given(outcomes=st.lists(st.booleans(), min_size=1, max_size=120))
def test_evidence_is_always_a_number(outcomes: list[bool]) -> None:
    assert np.isfinite(log_evidence((60, 60), np.array(outcomes))).all()


@pytest.mark.parametrize("alpha", [0.05, 0.01])
@pytest.mark.parametrize("rate", [0.3, 0.5, 0.8, 0.9, 0.95, 0.99])
def test_false_alarms_stay_below_the_stated_level_for_every_true_rate(rate: float, alpha: float) -> None:
    """Exact, over every evaluation of 60 episodes and every course of 120 production episodes."""
    assert operating(rate, 60, rate, 120, alpha).found <= alpha


def test_false_alarms_stay_below_the_stated_level_if_production_is_better() -> None:
    assert operating(0.8, 60, 0.85, 120, 0.05).found <= operating(0.8, 60, 0.8, 120, 0.05).found


def test_a_drop_from_09_to_05_is_found_within_15_episodes() -> None:
    for alpha in (0.05, 0.01):
        found = operating(0.9, 60, 0.5, 96, alpha)
        assert found.median_episodes is not None
        assert found.median_episodes <= 15
        assert found.found >= 0.99


def test_a_longer_evaluation_finds_a_small_drop_sooner() -> None:
    short, long = (operating(0.9, episodes, 0.75, 200, 0.05) for episodes in (50, 400))
    assert long.found > short.found


def test_a_simulation_agrees_with_the_exact_computation() -> None:
    """2,000 fleets, seed 1: binomial evaluation of 60, then 96 episodes of production."""
    rng = np.random.default_rng(1)
    runs, episodes = 2000, 96
    for rate in (0.9, 0.65):
        evaluations = rng.binomial(60, 0.9, runs)
        successes = np.cumsum(rng.random((runs, episodes)) < rate, axis=1)
        called = np.zeros(runs, dtype=bool)
        for evaluation in np.unique(evaluations):
            same = evaluations == evaluation
            boundary = call_boundary((int(evaluation), 60), episodes, 0.05)
            called[same] = (successes[same] <= boundary).any(axis=1)
        exact = operating(0.9, 60, rate, episodes, 0.05).found
        error = 4 * np.sqrt(exact * (1 - exact) / runs)  # four standard errors
        assert called.mean() == pytest.approx(exact, abs=error)


def test_the_boundary_is_where_the_evidence_reaches_the_threshold() -> None:
    counts = np.arange(1, 41)
    boundary = call_boundary((54, 60), 40, 0.05)
    for episodes, most in zip(counts, boundary, strict=True):
        evidence = log_bayes_factor((54, 60), np.arange(episodes + 1), np.full(episodes + 1, episodes))
        assert np.flatnonzero(evidence >= log_threshold(0.05)).tolist() == list(range(most + 1))


def test_the_first_call_is_the_first() -> None:
    assert first_call(np.array([0.0, 3.2, 1.0, 9.0]), 0.05) == 2
    assert first_call(np.array([0.0, 2.9]), 0.05) is None


def test_a_few_failures_in_a_row_are_enough_after_a_good_evaluation() -> None:
    """One failure after 54 of 60 is exp(1.65) to 1, too little for 20 to 1; two are enough."""
    assert least_episodes((54, 60), 0.05) == 2
    assert least_episodes((54, 60), 0.01) == 3
    assert least_episodes((12, 60), 0.05) > 10
