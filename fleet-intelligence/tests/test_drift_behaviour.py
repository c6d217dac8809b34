import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from physai.fleet_intelligence.cli import app
from physai.fleet_intelligence.drift.behaviour import _bridges, _strayed, compare, features, memory
from physai.fleet_intelligence.drift.explain import explain
from physai.fleet_intelligence.telemetry.store import TelemetryStore

from .make_events import POLICY, episode


def autoregressive(phi: float, length: int, columns: int, seed: int) -> NDArray[np.float64]:
    """Stationary AR(1) series of unit variance, shape (columns, length)."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(columns, length)) * np.sqrt(1 - phi**2)
    noise[:, 0] = rng.normal(size=columns)
    for index in range(1, length):
        noise[:, index] += phi * noise[:, index - 1]
    return noise


def named(columns: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    return {f"c{index:03d}": column for index, column in enumerate(columns)}


def test_the_memory_is_that_of_the_process() -> None:
    """(1 + phi) / (1 - phi): 19 for 0.9; none for white noise and constants."""
    assert memory(autoregressive(0.9, 100_000, 1, 1)[0]) == pytest.approx(19, rel=0.15)
    assert memory(autoregressive(0.0, 100_000, 1, 1)[0]) == pytest.approx(1, abs=0.05)
    assert memory(np.ones(50)) == 1.0


def test_how_far_a_series_strays_is_worked_by_hand() -> None:
    """0 0 3 3 about 1.5: running sums -1.5 -3 -1.5 0, squared 2.25 + 9 + 2.25; over 4 cubed 13.5 / 64."""
    assert _strayed(np.array([0.0, 0, 3, 3])) == pytest.approx(13.5 / 64)


def test_the_limit_distribution_has_the_published_moments() -> None:
    """A squared Brownian bridge integrates to 1/6 in the mean, with variance 1/45 (Anderson & Darling 1952)."""
    for draws in _bridges():
        assert draws.mean() == pytest.approx(1 / 6, rel=0.02)
        assert draws.var() == pytest.approx(1 / 45, rel=0.06)


def test_constants_are_equal_or_not() -> None:
    same, other = np.ones(60), np.full(60, 2.0)
    assert compare({"c": same}, {"c": same})[0].p_value == 1.0
    assert compare({"c": same}, {"c": other})[0].changed


@pytest.mark.parametrize(("phi", "length"), [(0.99, 900), (0.99, 5000), (0.7, 1000), (0.0, 200)])
def test_series_with_a_memory_are_not_called_changed(phi: float, length: int) -> None:
    """60 columns each, 5 % of them are 3; that chance makes 8 of them has a probability below 1 %."""
    series = autoregressive(phi, 2 * length, 60, 7)
    flags = [change.changed for column in series for change in compare({"c": column[:length]}, {"c": column[length:]})]
    assert sum(flags) < 8


def test_three_quarters_of_a_sigma_are_found_in_episodes_with_little_memory() -> None:
    series = autoregressive(0.2, 600, 20, 3)
    later = series[:, 300:] + 0.75
    found = compare(named(series[:, :300]), named(later))
    assert sum(change.changed for change in found) >= 18


def test_a_wider_spread_is_found_too() -> None:
    series = autoregressive(0.0, 400, 5, 4)
    assert all(change.changed for change in compare(named(series[:, :200]), named(2 * series[:, 200:])))


def test_too_few_independent_values_are_unknown_not_fine() -> None:
    series = autoregressive(0.99, 400, 1, 5)[0]
    change = compare({"c": series[:200]}, {"c": series[200:] + 5})[0]
    assert (change.p_value, change.changed) == (None, False)


def test_only_what_every_episode_tells_is_compared() -> None:
    found = features([episode(0), episode(1, features={}, action_mean=(0.1,))])
    assert "features.path_length_rad" not in found
    assert "action_mean[0]" in found
    assert "action_mean[1]" not in found
    assert found["kpis.final_error_m"].tolist() == [0.004, 0.004]


def test_explain_names_the_sensor_that_drifted(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    lights = np.concatenate([rng.normal(300, 20, 120), rng.normal(340, 20, 120)])
    store = TelemetryStore(tmp_path / "t.duckdb")
    store.add(
        episode(index, features={"camera.light_lux": float(light), "wrist.force_n": float(force)})
        for index, (light, force) in enumerate(zip(lights, rng.normal(5, 1, 240), strict=True))
    )
    command = ["drift", "explain", "--policy", POLICY, "--recent", "120", "--store", str(store.path)]
    told = CliRunner().invoke(app, [*command, "--json"])
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)
    assert [change["feature"] for change in found["changes"] if change["changed"]] == ["features.camera.light_lux"]
    assert [sensor["sensor"] for sensor in found["sensors"]] == ["camera"]
    assert "everywhere: camera" in CliRunner().invoke(app, command, env={"COLUMNS": "160"}).stdout
    refused = CliRunner().invoke(app, [*command[:-3], "240", *command[-2:]])
    assert refused.exit_code == 1


def test_a_robot_that_fails_alone_is_compared_with_itself(tmp_path: Path) -> None:
    """Nine robots of ten see as ever and succeed; the tenth's camera is out of place, and it fails."""
    rng = np.random.default_rng(6)
    events = [
        episode(
            10 * index + robot,
            success=not (robot == 9 and index >= 60),
            robot=f"robot-{robot}",
            features={"camera.blur": float(rng.normal(1 if robot == 9 and index >= 60 else 0, 0.3))},
        )
        for index in range(120)
        for robot in range(10)
    ]
    found = explain(events, recent=600)
    assert (found.attribution.level, found.attribution.name) == ("robot", "robot-9")
    assert (found.before, found.after) == (60, 60)
    assert [sensor.sensor for sensor in found.sensors] == ["camera"]
