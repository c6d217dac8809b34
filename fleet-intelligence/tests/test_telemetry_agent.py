"""The parts of the agent, without a network."""

import math
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from physai.fleet_intelligence.telemetry.agent.agent import TelemetryAgent
from physai.fleet_intelligence.telemetry.agent.outbox import Outbox
from physai.fleet_intelligence.telemetry.agent.window import ControlWindow

from .make_events import POLICY, control, episode, health


def test_a_full_outbox_drops_the_oldest_of_the_lowest_priority_and_counts(tmp_path: Path) -> None:
    size = len(health(0).model_dump_json())
    room = Outbox(tmp_path / "a.db", limit_bytes=10**9)
    room.put([health(0), episode(0), control(0), health(1)])
    room.close()
    used = sum(len(event.model_dump_json()) for event in (health(0), episode(0), control(0), health(1)))
    outbox = Outbox(tmp_path / "a.db", limit_bytes=used)
    outbox.put([health(2)])
    assert (outbox.dropped, outbox.waiting) == (1, 4)
    outbox.put([health(3), health(4)])
    assert (outbox.dropped, outbox.waiting) == (3, 4), f"health events of {size} bytes, one after the other"
    kept = []
    after: dict[str, int] = {}
    while letter := outbox.next(after, 10):
        after[letter.topic] = letter.numbers[-1]
        kept += [(letter.topic, len(letter.bodies))]
    assert kept == [("episodes", 1), ("control", 1), ("health", 2)]


def test_two_processes_share_an_outbox_and_count_its_room_together(tmp_path: Path) -> None:
    one, other = Outbox(tmp_path / "a.db"), Outbox(tmp_path / "a.db", limit_bytes=3000)
    assert one.id == other.id
    one.put([episode(number) for number in range(20)])
    other.put([episode(20)])  # counts what the first has put
    assert 0 < other.waiting < 21
    kept = other.waiting
    letter = one.next({}, 100)
    assert letter is not None
    one.sent(letter)
    dropped = other.dropped
    other.put([episode(21)])  # and what it has sent
    assert (dropped, other.dropped, other.waiting) == (21 - kept, 21 - kept, 1)


def test_a_letter_holds_one_topic_in_order(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "a.db")
    outbox.put([episode(0), episode(1), health(0), episode(2)])
    first = outbox.next({}, 10)
    assert first is not None
    assert (first.topic, first.numbers) == ("episodes", (1, 2, 4))
    outbox.sent(first)
    assert outbox.waiting == 1


class OutboxMachine(RuleBasedStateMachine):
    """Whatever is put, sent and reopened in whatever order: nothing leaves but what was sent."""

    def __init__(self) -> None:
        super().__init__()
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "a.db"
        self.outbox = Outbox(self.path)
        self.told = 0
        self.gone = 0

    @rule(count=st.integers(1, 5))
    def put(self, count: int) -> None:
        self.outbox.put([episode(self.told + number) for number in range(count)])
        self.told += count

    @rule(most=st.integers(1, 4))
    def send(self, most: int) -> None:
        letter = self.outbox.next({}, most)
        if letter:
            self.outbox.sent(letter)
            self.gone += len(letter.numbers)

    @rule()
    def reopen(self) -> None:
        self.outbox.close()
        self.outbox = Outbox(self.path)

    @invariant()
    def what_is_not_sent_waits(self) -> None:
        assert self.outbox.waiting == self.told - self.gone

    def teardown(self) -> None:
        self.outbox.close()
        self.folder.cleanup()


TestOutbox = OutboxMachine.TestCase
TestOutbox.settings = settings(max_examples=15, stateful_step_count=15, deadline=None)


def test_a_window_of_control_is_summed_up(tmp_path: Path) -> None:
    seconds = iter([0.0, 60.0, 120.0])
    window = ControlWindow(POLICY, "reach-1", 10.0, lambda: next(seconds))
    for latency_ms in range(1, 102):  # 1, 2, … 101 ms: the median is 51, the 95th percentile 96, the 99th 100
        window.step(float(latency_ms))
    window.step(math.nan)
    window.error()
    data = window.close("plant-1", "robot-1", None)
    assert data is not None
    assert (data.window_s, data.steps, data.errors) == (60.0, 103, 2)
    assert (data.inference_p50_ms, data.inference_p95_ms, data.inference_p99_ms) == (51.0, 96.0, 100.0)
    assert (data.inference_max_ms, data.deadline_misses) == (101.0, 91)
    assert window.close("plant-1", "robot-1", None) is None


def test_a_policy_that_always_fails_is_told_of_at_the_end_of_the_window() -> None:
    seconds = iter([0.0, 60.0, 120.0])
    window = ControlWindow(POLICY, "reach-1", 10.0, lambda: next(seconds))
    window.step(math.nan)
    window.error()
    data = window.close("plant-1", "robot-1", None)
    assert data is not None
    assert (data.window_s, data.steps, data.errors, data.deadline_misses) == (60.0, 2, 2, 0)
    assert (data.inference_p50_ms, data.inference_p99_ms, data.inference_max_ms) == (None, None, None)
    assert window.close("plant-1", "robot-1", None) is None


def test_an_agent_names_its_events_once_and_for_all(tmp_path: Path) -> None:
    ids = []
    for _ in range(2):
        with TelemetryAgent(tmp_path, "plant-1", "robot-1", "pilot") as agent:
            ids += [agent.health().id, agent.health(POLICY, (40.0,)).id]
            event = agent.health()
            ids.append(event.id)
    assert len(set(ids)) == 6
    assert event.data.queued_events == 5
    assert (event.source, event.data.cohort, event.data.clock_offset_s) == ("/plant-1/robot-1", "pilot", 0.0)
