import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multinomial

from physai.evaluation.metrics import (
    limit_violations,
    path_length_rad,
    spectral_arc_length,
    success_rate,
    tango_interval,
)
from physai.evaluation.metrics.motion import motion_kpis
from physai.evaluation.metrics.paired import exact_mcnemar
from physai.infrastructure.contracts import JointLimits

Z = 1.959963984540054

pairs = st.integers(1, 200).flatmap(
    lambda n: st.integers(0, n).flatmap(lambda w: st.tuples(st.just(w), st.integers(0, n - w), st.just(n)))
)


def test_eight_of_ten_has_wilsons_interval() -> None:
    # centre (8 + z²/2) / (10 + z²) = 9.9207 / 13.8415 = 0.71674
    # half width z * sqrt(8 * 2 / 10 + z²/4) / (10 + z²) = 1.95996 * sqrt(2.56036) / 13.8415 = 0.22658
    rate = success_rate([True] * 8 + [False] * 2)
    assert (rate.successes, rate.episodes, rate.value) == (8, 10, 0.8)
    assert rate.lower == pytest.approx(0.71674 - 0.22658, abs=1e-5)
    assert rate.upper == pytest.approx(0.71674 + 0.22658, abs=1e-5)


def test_wilsons_interval_agrees_with_newcombes_table() -> None:
    # Newcombe 1998, doi:10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E, table I, method 3
    for successes, episodes, lower, upper in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611)):
        rate = success_rate([True] * successes + [False] * (episodes - successes))
        assert (rate.lower, rate.upper) == (pytest.approx(lower, abs=5e-5), pytest.approx(upper, abs=5e-5))


def test_tangos_interval_agrees_with_published_example() -> None:
    # Fagerland et al. 2014, doi:10.1002/sim.6148: 21 children, 1 and 7 discordant pairs, -0.517 to -0.026
    lower, upper = tango_interval(1, 7, 21)
    assert (round(lower, 3), round(upper, 3)) == (-0.517, -0.026)


def test_without_discordant_pairs_tangos_interval_is_z2_over_n_plus_z2() -> None:
    # the score equation n d² = z² (|d| - d²) with no wins and no losses has the root |d| = z² / (n + z²)
    lower, upper = tango_interval(0, 0, 54)
    assert (lower, upper) == (pytest.approx(-(Z**2) / (54 + Z**2)), pytest.approx(Z**2 / (54 + Z**2)))


def test_winning_everywhere_reaches_one_and_losing_everywhere_minus_one() -> None:
    assert tango_interval(20, 0, 20)[1] == 1.0
    assert tango_interval(0, 20, 20)[0] == -1.0


@given(pairs)
def test_the_interval_holds_its_estimate_and_turns_round_with_the_policies(counts: tuple[int, int, int]) -> None:
    wins, losses, n = counts
    lower, upper = tango_interval(wins, losses, n)
    assert -1 <= lower <= (wins - losses) / n <= upper <= 1
    assert tango_interval(losses, wins, n) == (-upper, -lower)


@given(pairs)
def test_the_interval_leaves_out_zero_exactly_when_mcnemars_test_rejects(counts: tuple[int, int, int]) -> None:
    wins, losses, n = counts
    statistic = (wins - losses) / np.sqrt(wins + losses) if wins + losses else 0.0
    if abs(abs(statistic) - Z) > 1e-6:
        assert (tango_interval(wins, losses, n)[0] > 0) == (statistic > Z)
        assert (tango_interval(wins, losses, n)[1] < 0) == (statistic < -Z)


def test_exact_mcnemar_is_a_fair_coin() -> None:
    # 5 wins, 1 loss: 2 * (C(6,0) + C(6,1)) / 2**6 = 2 * 7 / 64
    assert exact_mcnemar(5, 1) == pytest.approx(14 / 64)
    assert exact_mcnemar(0, 0) == 1.0


@pytest.mark.parametrize(("better", "worse"), [(0.05, 0.05), (0.25, 0.05), (0.1, 0.3), (0.5, 0.0)])
def test_the_paired_interval_covers_the_true_difference_as_often_as_it_says(better: float, worse: float) -> None:
    """40,000 experiments of 60 conditions; the standard error of the coverage is 0.1 points."""
    rng = np.random.default_rng(0)
    draws = rng.multinomial(60, [better, worse, 1 - better - worse], size=40_000)
    intervals = {tuple(d): tango_interval(int(d[0]), int(d[1]), 60) for d in np.unique(draws, axis=0)}
    covered = [low <= better - worse <= high for low, high in (intervals[tuple(d)] for d in draws)]
    assert 0.945 <= np.mean(covered) <= 0.975


@pytest.mark.parametrize("discordant", [0.05, 0.1, 0.2, 0.5])
def test_two_equal_policies_differ_by_chance_in_about_one_evaluation_of_forty(discordant: float) -> None:
    """Exact, by enumeration: probability that the lower bound is above 0 with 60 conditions."""
    probability = 0.0
    for wins in range(61):
        for losses in range(61 - wins):
            weights = [discordant / 2, discordant / 2, 1 - discordant]
            chance = multinomial.pmf([wins, losses, 60 - wins - losses], 60, weights)
            if chance > 1e-9 and tango_interval(wins, losses, 60)[0] > 0:
                probability += chance
    assert probability <= 0.0265


def test_a_straight_path_is_as_long_as_its_ends_are_apart() -> None:
    # 3-4-5 triangle, in 10 equal steps
    path = np.linspace([0, 0], [3, 4], 11)
    assert path_length_rad(path) == pytest.approx(5)


def test_spectral_arc_length_agrees_with_its_authors_example() -> None:
    # github.com/siva82kb/SPARC, scripts/smoothness.py: a bell-shaped speed at 100 Hz has -1.41403
    t = np.arange(-1, 1, 0.01)
    assert spectral_arc_length(np.exp(-5 * t**2), 100.0) == pytest.approx(-1.41403, abs=5e-6)


def test_a_jerky_motion_is_less_smooth_than_a_bell_shaped_one() -> None:
    t = np.arange(-1, 1, 1 / 30)
    bell = np.exp(-5 * t**2)
    assert spectral_arc_length(bell * (1 + 0.5 * np.sin(40 * t)), 30.0) < spectral_arc_length(bell, 30.0)


def test_a_robot_that_stands_still_has_no_smoothness() -> None:
    assert motion_kpis(np.ones((10, 6)), 30.0) == {"path_length_rad": 0.0, "jerk_rms_rad_s3": 0.0}


def test_a_path_there_and_back_half_way_is_one_third_efficient() -> None:
    # 0 to 2 and back to 1: 3 rad of path, 1 rad from start to end
    assert motion_kpis(np.array([[0.0], [2.0], [1.0]]), 10.0)["path_efficiency"] == pytest.approx(1 / 3)


def test_the_jerk_of_a_cubic_is_its_third_derivative() -> None:
    time_s = np.arange(20) / 10
    position = np.stack([time_s**3, np.zeros(20)], axis=1)  # 6 rad/s^3 in one joint of two: rms 6 / sqrt(2)
    assert motion_kpis(position, 10.0)["jerk_rms_rad_s3"] == pytest.approx(6 / np.sqrt(2))


def test_steps_beyond_a_joints_range_are_counted_once_each() -> None:
    limits = [JointLimits(joint=joint, lower_rad=-1.0, upper_rad=1.0) for joint in "ab"]
    targets = np.array([[0.0, 0.0], [1.1, -1.1], [1.0005, 0.0], [0.0, -1.2]])  # half a milliradian is rounding
    assert limit_violations(targets, limits) == 2


def test_the_exact_interval_is_clopper_and_pearsons() -> None:
    rate = success_rate([True] * 8 + [False] * 2, method="clopper-pearson")
    # Clopper and Pearson's table for 8 of 10 at 95 %
    assert (rate.lower, rate.upper) == (pytest.approx(0.4439, abs=1e-4), pytest.approx(0.9748, abs=1e-4))
    wilson = success_rate([True] * 8 + [False] * 2)
    assert rate.lower < wilson.lower < wilson.upper < rate.upper
