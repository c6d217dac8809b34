"""The example of ten robots: a good release, a bad release, a partition."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from physai.fleet_deployment.examples.ten_robots import Robot, run_shift
from physai.fleet_deployment.gitops.releases import roll_back
from physai.fleet_deployment.tests.conftest import Fleet

Packages = Callable[[float], Path]
NAMES = tuple(f"robot-{index}" for index in range(10))


def robots(fleet: Fleet) -> list[Robot]:
    return [Robot(name, fleet.root / "robots" / name, fleet.repository, fleet.registry) for name in NAMES]


def test_ten_robots_keep_a_good_release_leave_a_bad_one_and_converge_after_a_partition(
    fleet: Fleet, packages: Packages, monkeypatch: pytest.MonkeyPatch
) -> None:
    coin = random.Random(0)
    good = fleet.release(packages(0.0), robots=NAMES)
    cohort = robots(fleet)
    first = run_shift(cohort, good, 0.95, coin)
    assert set(first.serving.values()) == {good.package}
    assert first.errors == {}

    bad = fleet.release(packages(0.1), robots=NAMES)
    connected, cut_off = cohort[:7], cohort[7:]
    second = run_shift(connected, bad, 0.4, coin)
    assert set(second.serving.values()) == {good.package}, "each gate has returned to the one before"
    assert max(second.episodes.values()) < 60
    assert {robot.loader.serving for robot in cut_off} == {good.package}, "a partition: they never saw it"

    roll_back(fleet.repository, "pilot", "canary", "fails in production")
    for robot in cohort:
        assert robot.follow() is None, robot.name
    assert {robot.loader.serving for robot in cohort} == {good.package}

    better = fleet.release(packages(0.2), robots=NAMES)
    assert set(run_shift(connected, better, 0.95, coin).serving.values()) == {better.package}
    assert set(run_shift(cut_off, better, 0.95, coin).serving.values()) == {better.package}, "late, they converge"
