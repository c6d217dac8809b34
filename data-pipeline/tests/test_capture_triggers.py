"""When an episode begins and ends."""

import os
import pty
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from physai.data_pipeline.capture import messages
from physai.data_pipeline.capture.errors import FieldError, UnavailableError
from physai.data_pipeline.capture.gpio import Line
from physai.data_pipeline.capture.keys import Keys
from physai.data_pipeline.capture.sample import Sample
from physai.data_pipeline.capture.switch import Switch
from physai.infrastructure.contracts import (
    GpioTrigger,
    JointRegionTrigger,
    KeyTrigger,
    RecordingConfig,
    TimerTrigger,
    TopicRule,
    TopicTrigger,
    Trigger,
)
from physai.infrastructure.ros2.definitions import Definitions

DEFINITIONS = Definitions()
TOPIC, TYPE = "/joint_states", "sensor_msgs/msg/JointState"
SECOND = 10**9


def switch(start: tuple[Trigger, ...] = (), stop: tuple[Trigger, ...] = ()) -> Switch:
    config = RecordingConfig(
        robots=("arm",),
        task="t",
        rate_hz=10,
        output="x",
        topics=(TopicRule(topic=TOPIC, type=TYPE),),
        start=start,
        stop=stop,
    )
    return Switch(config, DEFINITIONS, {TOPIC: TYPE}, 0)


def at(position: float, now_s: float = 0.0) -> Sample:
    """Joint `a` at a position, and `b` at 0."""
    message = messages.joint_state(1, ("a", "b"), np.array([position, 0], np.float32), None)
    return Sample(TOPIC, messages.serialize(message), int(now_s * SECOND), 0)


ABOVE = TopicTrigger(kind="topic", topic=TOPIC, field="position[0]", at_least=1.0)
BELOW = TopicTrigger(kind="topic", topic=TOPIC, field="position[0]", at_most=-1.0, outcome="failure")
HOME = JointRegionTrigger(kind="joint-region", topic=TOPIC, region_rad={"a": (-0.1, 0.1), "b": (0, 0)}, dwell_s=1.0)
TIMER = TimerTrigger(kind="timer", after_s=2.0)


def test_without_a_start_trigger_an_episode_begins_at_once() -> None:
    change = switch().poll(0)
    assert change is not None
    assert (change.to, change.by) == ("recording", "at once")


def test_a_number_fires_when_it_comes_into_its_bounds_and_not_while_it_stays() -> None:
    on = switch((ABOVE,), (BELOW,))
    assert on.see(at(2)) is None  # it was there from the beginning
    assert on.see(at(0)) is None
    change = on.see(at(1))
    assert change is not None
    assert (change.to, change.by) == ("recording", "topic /joint_states position[0]")
    assert on.see(at(2)) is None
    change = on.see(at(-1))
    assert change is not None
    assert (change.to, change.outcome) == ("idle", "failure")


def test_a_number_that_is_there_from_the_beginning_fires_once_if_it_is_asked_to() -> None:
    on = switch((ABOVE.model_copy(update={"fires_at_first": True}),), (BELOW,))
    change = on.see(at(2))
    assert change is not None
    assert (change.to, change.by) == ("recording", "topic /joint_states position[0]")
    assert on.see(at(-1)) is not None
    change = on.see(at(2))
    assert change is not None
    assert change.to == "recording"
    on.poll(0)
    assert on.see(at(2)) is None  # it has stayed there


def test_joints_fire_after_they_stayed_and_only_once_a_visit() -> None:
    on = switch((), (HOME,))
    on.poll(0)
    assert on.see(at(0, 0.0)) is None
    assert on.see(at(0, 5.0)) is None  # at home from the beginning
    assert on.see(at(0.5, 6.0)) is None
    assert on.see(at(0.05, 7.0)) is None
    assert on.see(at(0.05, 7.9)) is None
    change = on.see(at(0.05, 8.0))
    assert change is not None
    assert (change.to, change.outcome) == ("idle", "success")
    on.poll(9 * SECOND)
    assert on.see(at(0.05, 20.0)) is None


def test_a_timer_counts_from_the_last_change() -> None:
    on = switch((TIMER,), (TIMER,))
    assert on.poll(int(1.9 * SECOND)) is None
    assert on.poll(2 * SECOND) is not None
    assert on.poll(int(3.9 * SECOND)) is None
    change = on.poll(4 * SECOND)
    assert change is not None
    assert change.to == "idle"


def test_a_joint_that_is_not_there_is_named() -> None:
    wrong = HOME.model_copy(update={"region_rad": {"c": (0.0, 1.0)}})
    with pytest.raises(FieldError, match="no joint 'c'; joints: a, b"):
        switch((), (wrong,)).see(at(0))


@pytest.mark.parametrize(
    ("field", "why"),
    [("velocity[0]", "has 0 elements"), ("speed", "there is no 'speed'"), ("header", "it is a std_msgs")],
)
def test_a_field_that_is_no_number_is_named(field: str, why: str) -> None:
    wrong = ABOVE.model_copy(update={"field": field})
    with pytest.raises(FieldError, match=why):
        switch((wrong,)).see(at(0))


@given(st.lists(st.one_of(st.sampled_from(["start", "stop", "step"]), st.floats(-2, 2)), max_size=40))
def test_starts_and_stops_alternate_whatever_happens(events: list[str | float]) -> None:
    on = switch((KeyTrigger(kind="key", key="r"), ABOVE), (KeyTrigger(kind="key", key="s"), BELOW, TIMER))
    (_, start), (_, stop) = on.signals
    seen, now = [], 0.0
    for event in events:
        now += 0.5
        if event == "start":
            start.fire()
        elif event == "stop":
            stop.fire()
        elif isinstance(event, float):
            seen.append(on.see(at(event, now)))
        seen.append(on.poll(int(now * SECOND)))
    changes = [change.to for change in seen if change]
    assert changes == ["recording", "idle"] * (len(changes) // 2) + ["recording"] * (len(changes) % 2)
    assert on.recording == (len(changes) % 2 == 1)


def test_a_key_that_is_pressed_while_it_means_nothing_is_forgotten() -> None:
    on = switch((KeyTrigger(kind="key", key="r"),), (KeyTrigger(kind="key", key="s"),))
    (_, start), (_, stop) = on.signals
    stop.fire()
    assert on.poll(0) is None
    start.fire()
    assert on.poll(0) is not None
    assert on.poll(0) is None
    assert on.recording


def test_keys_of_a_real_terminal_fire_and_it_is_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pty.openpty()
    pressed: list[str] = []
    with os.fdopen(theirs, "r") as terminal:
        monkeypatch.setattr("sys.stdin", terminal)
        keys = Keys({"r": lambda: pressed.append("r"), "s": lambda: pressed.append("s")})
        os.write(ours, b"rxs")
        until = time.monotonic() + 10
        while len(pressed) < 2 and time.monotonic() < until:
            time.sleep(0.01)
        keys.close()
    os.close(ours)
    assert pressed == ["r", "s"]


def test_keys_without_a_terminal_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    (tmp_path / "in").touch()
    with (tmp_path / "in").open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        with pytest.raises(UnavailableError, match="key r: needs a terminal"):
            Keys({"r": lambda: None})


def test_a_line_of_a_chip_that_is_not_there_is_refused() -> None:
    trigger = GpioTrigger(kind="gpio", chip="/dev/gpiochip99", line=17)
    with pytest.raises(UnavailableError, match="line 17 of /dev/gpiochip99: needs"):
        Line(trigger, lambda: None)
