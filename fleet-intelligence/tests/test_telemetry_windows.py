"""Aggregation on the robot: windows tell what all their samples would, in as many events as there are windows."""

import contextlib
import math
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physai.fleet_intelligence.telemetry import buckets
from physai.fleet_intelligence.telemetry.agent.agent import TelemetryAgent
from physai.fleet_intelligence.telemetry.agent.clock import SteadyClock
from physai.fleet_intelligence.telemetry.agent.hardware import Gauges
from physai.fleet_intelligence.telemetry.agent.signal_window import BLOCK, SignalWindow
from physai.fleet_intelligence.telemetry.agent.windows import BATTERY, INFERENCE, SIGNALS, Windows
from physai.fleet_intelligence.telemetry.signals import merge
from physai.infrastructure.contracts import CloudEvent, ControlEvent, EpisodeEvent, HealthEvent, SignalData, SignalEvent

from .make_events import POLICY, episode

KINDS = {"episodes": EpisodeEvent, "control": ControlEvent, "signals": SignalEvent, "health": HealthEvent}
NUMBERS = st.floats(-1e6, 1e6, allow_subnormal=False)
PERIOD_MS = 10.0


def told(agent: TelemetryAgent) -> list[CloudEvent]:
    events: list[CloudEvent] = []
    for topic, kind in KINDS.items():
        while letter := agent.outbox.next({name: 10**9 for name in KINDS if name != topic}, 500):
            events += [kind.model_validate_json(body) for body in letter.bodies]
            agent.outbox.sent(letter)
    return events


def signals(events: Sequence[CloudEvent], name: str) -> list[SignalData]:
    return [event.data for event in events if isinstance(event, SignalEvent) and event.data.signal == name]


class Time:
    """A clock that goes when it is told to, and a wall's clock that jumps when it is told to."""

    def __init__(self) -> None:
        self.elapsed_s = 0.0
        self.wall = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)

    def clock(self) -> SteadyClock:
        return SteadyClock(lambda: self.wall, lambda: self.elapsed_s)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def agent(tmp_path: Path, time: Time):
    with TelemetryAgent(tmp_path / "agent", "plant-1", "robot-1", "pilot", clock=time.clock()) as agent:
        yield agent


def opened(agent: TelemetryAgent, every_s: float = 60.0) -> Windows:
    return Windows(agent, POLICY, "reach-1", PERIOD_MS, every_s=every_s, gauges_s=60.0)


@settings(max_examples=150, deadline=None)
@given(
    rows=st.integers(1, 4).flatmap(
        lambda width: st.lists(st.lists(NUMBERS, min_size=width, max_size=width), min_size=1, max_size=60)
    ),
    cuts=st.sets(st.integers(1, 59), max_size=8),
)
def test_windows_merged_are_the_whole_whatever_they_are_cut_into(rows: list[list[float]], cuts: set[int]) -> None:
    window, parts = SignalWindow(histogram=True), []
    for number, row in enumerate(rows):
        if number in cuts and (held := window.take()):
            parts.append(held)
        window.add(row)
    parts.append(window.take())
    where = {"robot": "robot-1", "site": "plant-1", "signal": "x", "window_s": 1.0}
    whole = merge([SignalData(**where, **part) for part in parts])
    values = np.array(rows)
    assert whole.samples == len(rows)
    np.testing.assert_allclose(whole.mean, values.mean(axis=0), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(whole.std, values.std(axis=0), rtol=1e-6, atol=1e-7 * np.abs(values).max())
    assert whole.minimum == tuple(values.min(axis=0))
    assert whole.maximum == tuple(values.max(axis=0))
    assert whole.newest == tuple(values[-1])
    assert whole.buckets == buckets.count(values[:, 0])
    assert whole.windows == len(parts)


@given(values=st.lists(st.floats(2e-5, 6e4), min_size=1, max_size=300), part=st.sampled_from([0.5, 0.95, 0.99]))
def test_a_percentile_of_the_buckets_is_within_1_1_percent(values: list[float], part: float) -> None:
    true = float(np.quantile(values, part, method="inverted_cdf"))
    assert buckets.quantile(buckets.count(np.array(values)), part) == pytest.approx(true, rel=0.011)


def test_the_buckets_are_those_of_opentelemetry() -> None:
    mapping = pytest.importorskip("opentelemetry.sdk.metrics._internal.exponential_histogram.mapping.logarithm_mapping")
    theirs = mapping.LogarithmMapping(5)
    values = np.random.default_rng(7).lognormal(1.0, 3.0, 2000)
    values = values[(values > 2e-5) & (values < 6e4)]
    for value in values.tolist():
        assert list(buckets.count(np.array([value]))) == [theirs.map_to_index(value) + 1]


def test_what_lies_beyond_the_buckets_counts_in_the_outermost() -> None:
    assert buckets.count(np.array([-1.0, 0.0, 1e-9, 1e9])) == {buckets.LOWEST: 3, buckets.HIGHEST: 1}


def test_by_hand_over_more_than_a_block() -> None:
    window = SignalWindow()
    for number in range(2 * BLOCK + 1):  # -BLOCK … BLOCK: mean 0, variance n(n+1)/3 for n = 512
        window.add((float(number - BLOCK), 7.0))
    held = window.take()
    assert held is not None
    assert (held["samples"], held["mean"], held["newest"]) == (1025, (0.0, 7.0), (512.0, 7.0))
    assert held["variance"] == pytest.approx((512 * 513 / 3, 0.0))
    assert (held["minimum"], held["maximum"]) == ((-512.0, 7.0), (512.0, 7.0))
    assert window.take() is None


def test_what_is_no_sample_is_refused_and_counted() -> None:
    window = SignalWindow()
    window.add((math.nan, 1.0))
    assert window.take() is None
    for row in ((1.0, 2.0), (1.0,), (), (math.inf, 0.0)):
        window.add(row, late=True)
    held = window.take()
    assert held is not None
    assert (held["samples"], held["late"], held["refused"]) == (1, 1, 4)


def test_a_window_that_is_over_is_told_as_one_event_a_signal(agent: TelemetryAgent, time: Time) -> None:
    windows = opened(agent)
    for number in range(3000):
        windows.inference(5.0 if number % 100 else 20.0)
        windows.sample("action", np.array([number % 2, 0.5]))
    time.elapsed_s = 60.0
    windows.close()
    events = told(agent)
    assert len(events) == 3
    (control,) = (event.data for event in events if isinstance(event, ControlEvent))
    assert (control.steps, control.deadline_misses, control.window_s, control.inference_max_ms) == (
        3000,
        30,
        60.0,
        20.0,
    )
    (action,), (inference,) = signals(events, "action"), signals(events, "inference_ms")
    assert (action.samples, action.mean, action.variance) == (3000, (0.5, 0.5), (0.25, 0.0))
    assert (inference.samples, inference.newest, sum(inference.bucket_samples)) == (3000, (5.0,), 3000)
    assert len({(event.source, event.id) for event in events}) == 3


def test_the_end_of_an_episode_closes_the_windows(agent: TelemetryAgent) -> None:
    windows = opened(agent)
    for number in range(2):
        windows.sample("action", (float(number),))
        windows.episode(episode(number))
    windows.sample("action", (9.0,))
    windows.close()
    found = signals(told(agent), "action")
    assert [(data.episode, data.newest) for data in found] == [(0, (0.0,)), (1, (1.0,)), (None, (9.0,))]


def test_another_policy_has_windows_of_its_own(agent: TelemetryAgent) -> None:
    windows = opened(agent)
    windows.inference(1.0)
    windows.work("sha256:" + "b" * 64, "reach-2")
    windows.inference(2.0)
    windows.close()
    events = told(agent)
    assert [data.release for data in signals(events, "inference_ms")] == ["reach-1", "reach-2"]
    assert [event.data.policy[7] for event in events if isinstance(event, ControlEvent)] == [POLICY[7], "b"]


def test_a_jump_of_the_walls_clock_moves_no_window(agent: TelemetryAgent, time: Time) -> None:
    windows = opened(agent)
    windows.sample("action", (1.0,))
    time.wall, time.elapsed_s = datetime(2031, 1, 1, tzinfo=UTC), 30.0
    windows.sample("action", (2.0,))
    time.wall, time.elapsed_s = datetime(2001, 1, 1, tzinfo=UTC), 60.0
    windows.close()
    (event,) = told(agent)
    assert (event.data.samples, event.data.window_s) == (2, 60.0)
    assert event.time == datetime(2026, 5, 4, 9, 1, tzinfo=UTC)


def test_a_sample_of_an_earlier_window_counts_where_it_comes_and_is_counted_as_late(
    agent: TelemetryAgent, time: Time
) -> None:
    windows = opened(agent)
    time.elapsed_s = 60.0
    windows.sample("action", (1.0,), age_s=59.0)
    windows.close()
    time.elapsed_s = 65.0
    for age_s in (0.0, 5.9, 6.1, 100.0):  # the window began 5 s ago, and a second is forgiven
        windows.sample("action", (2.0,), age_s=age_s)
    windows.close()
    assert [(data.samples, data.late) for data in signals(told(agent), "action")] == [(1, 0), (4, 2)]


def test_windows_close_by_themselves_and_the_last_when_the_program_stops(tmp_path: Path) -> None:
    with TelemetryAgent(tmp_path / "agent", "plant-1", "robot-1") as agent:
        with Windows(agent, POLICY, "reach-1", PERIOD_MS, every_s=0.2, gauges_s=0.05) as windows:
            threads = [
                threading.Thread(
                    target=lambda: [
                        windows.sample("action", (1.0,)) or threading.Event().wait(0.001) for _ in range(400)
                    ]
                )
                for _ in range(3)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            windows.joint_temperature("elbow", 41.0)
            windows.battery(0.5)
        events = told(agent)
    action = signals(events, "action")
    assert sum(data.samples for data in action) == 1200
    assert 1 < len(action) < 20
    assert {data.signal for event in events if isinstance(event, SignalEvent) and (data := event.data)} >= {
        "action", "battery_share", "cpu_share", "memory_share", "joint_temperature_c.elbow"
    }  # fmt: skip
    health = [event for event in events if isinstance(event, HealthEvent)][-1]
    assert (health.data.battery_share, health.data.joint_temperature_c) == (0.5, (41.0,))


def test_a_disk_that_takes_nothing_is_told_to_the_program(
    agent: TelemetryAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    windows = Windows(
        agent, POLICY, "reach-1", PERIOD_MS, every_s=0.01, gauges_s=0.01, elapsed_s=iter(range(10**6)).__next__
    )
    monkeypatch.setattr(agent.outbox, "put", full)

    def speak() -> None:
        with windows:
            while True:
                windows.sample("action", (1.0,))

    with pytest.raises(OSError, match="No space left"):
        speak()


def test_hostile_samples_and_names_stop_no_window(agent: TelemetryAgent) -> None:
    windows = opened(agent)
    for values in ((1e300,), (-1e308,), (1e100,), (-1e100,), np.zeros(257)):
        windows.sample("large", values)
    windows.sample("long", np.zeros(257))
    for name in ("", "x" * 201):
        with pytest.raises(ValueError, match="a signal's name has 1 to 200"):
            windows.sample(name, (1.0,))
    joints = SIGNALS - len({"large", "long", INFERENCE, BATTERY, *Gauges.SIGNALS})
    for joint in range(joints):
        windows.joint_temperature(str(joint), 20.0)
    with pytest.raises(ValueError, match=f"at most {SIGNALS}"):
        windows.joint_temperature(str(joints), 20.0)
    windows.close()
    events = told(agent)
    (large,) = signals(events, "large")
    assert (large.samples, large.refused, large.minimum, large.maximum) == (2, 3, (-1e100,), (1e100,))
    assert signals(events, "long") == []
    assert len(events) == joints + 1


def test_joints_without_end_take_no_place_from_the_signals_that_are_expected(agent: TelemetryAgent) -> None:
    windows = Windows(agent, POLICY, "reach-1", PERIOD_MS, every_s=60.0, gauges_s=0.01)
    windows.expect("action")
    for joint in range(200):
        with contextlib.suppress(ValueError):
            windows.joint_temperature(str(joint), 20.0)
    with windows:
        threading.Event().wait(0.1)
        windows.sample("action", (1.0,))
        windows.inference(5.0)
        windows.battery(0.5)
    found = {event.data.signal for event in told(agent) if isinstance(event, SignalEvent)}
    assert {"action", "inference_ms", "battery_share", "cpu_share", "memory_share"} <= found


def test_a_latency_that_is_no_time_is_an_error_of_control(agent: TelemetryAgent) -> None:
    windows = opened(agent)
    for latency_ms in (5.0, -1.0, math.nan, math.inf, 1e308, -1e308):
        windows.inference(latency_ms)
    windows.close()
    events = told(agent)
    (control,) = (event.data for event in events if isinstance(event, ControlEvent))
    assert (control.steps, control.errors, control.inference_max_ms) == (6, 5, 5.0)
    (latency,) = signals(events, "inference_ms")
    assert (latency.samples, latency.minimum, latency.maximum, sum(latency.bucket_samples)) == (1, (5.0,), (5.0,), 1)
