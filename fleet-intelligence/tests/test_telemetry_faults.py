"""Nothing lost and nothing twice, over a real broker, while each part is killed in turn."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from physai.fleet_intelligence.telemetry.agent.agent import TelemetryAgent
from physai.fleet_intelligence.telemetry.agent.clock import SteadyClock
from physai.fleet_intelligence.telemetry.receive import Receiver
from physai.fleet_intelligence.telemetry.store import TelemetryStore
from physai.fleet_intelligence.telemetry.wire import Broker

from .make_events import START, control, episode, health
from .mqtt_broker import Mosquitto, needs_mosquitto

pytestmark = needs_mosquitto
HERE = "physai.fleet_intelligence.tests"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    running = Mosquitto(tmp_path / "broker").start()
    yield running
    running.stop()


@pytest.fixture
def store(tmp_path: Path) -> TelemetryStore:
    return TelemetryStore(tmp_path / "telemetry.duckdb")


@contextmanager
def receiving(store: TelemetryStore, broker: Mosquitto) -> Iterator[Receiver]:
    receiver = Receiver(store, Broker(port=broker.port))
    receiver.start()
    yield receiver
    receiver.stop()


@contextmanager
def process(module: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    running = subprocess.Popen(
        [sys.executable, "-m", f"{HERE}.{module}", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with running:
        yield running
        running.kill()


def until(receiver: Receiver, events: int) -> None:
    """Receive until so many events are kept, or no more come for a long time."""
    for _ in range(300):
        if receiver.step(0.1).added >= events:
            return
    raise AssertionError(f"{receiver.done} after 30 s without the {events} expected")


def numbers(store: TelemetryStore) -> list[int]:
    return sorted(event.data.episode for event in store.events())


def test_a_robot_killed_again_and_again_loses_nothing_that_it_was_told(
    tmp_path: Path, broker: Mosquitto, store: TelemetryStore
) -> None:
    with receiving(store, broker) as receiver:
        receiver.step(0.5)
        kept = first = 0
        for life in range(5):
            with process("telemetry_robot", str(tmp_path / "robot"), str(broker.port), str(first), "100000") as robot:
                assert robot.stdout is not None
                for _ in range(20 + 60 * life):
                    kept = int(robot.stdout.readline())
                robot.kill()
                tail = robot.stdout.read().split()
                kept = int(tail[-1]) if tail and tail[-1].isdigit() and int(tail[-1]) > kept else kept
            first = kept  # tells the last one once more: it may have died between keeping and saying so
        with TelemetryAgent(tmp_path / "robot", "plant-1", "robot-1", broker=Broker(port=broker.port)) as agent:
            until(receiver, kept + 1)
            drain(agent, receiver)
    found = numbers(store)
    assert found[: kept + 1] == list(range(kept + 1)), "every one that was kept, once"
    assert len(found) - (kept + 1) in (0, 1), "at most the one it was keeping as it died"


def drain(agent: TelemetryAgent, receiver: Receiver) -> None:
    for _ in range(300):
        if agent.outbox.waiting == 0:
            receiver.step(0.5)
            return
        receiver.step(0.1)
    raise AssertionError(f"{agent.outbox.waiting} events still wait")


def test_a_broker_that_restarts_loses_nothing(tmp_path: Path, broker: Mosquitto, store: TelemetryStore) -> None:
    with ExitStack() as stack:
        receiver = stack.enter_context(receiving(store, broker))
        receiver.step(0.5)
        agent = stack.enter_context(
            TelemetryAgent(tmp_path / "robot", "plant-1", "robot-1", broker=Broker(port=broker.port))
        )
        for round_ in range(3):
            agent.tell([episode(number) for number in range(round_ * 400, round_ * 400 + 200)])
            receiver.step(0.05)
            broker.stop()
            agent.tell([episode(number) for number in range(round_ * 400 + 200, round_ * 400 + 400)])
            broker.start()
        until(receiver, 1200)
        drain(agent, receiver)
    assert numbers(store) == list(range(1200))


def test_an_ingest_that_is_killed_loses_nothing(tmp_path: Path, broker: Mosquitto, store: TelemetryStore) -> None:
    with TelemetryAgent(tmp_path / "robot", "plant-1", "robot-1", broker=Broker(port=broker.port)) as agent:
        with receiving(store, broker) as receiver:
            receiver.step(0.5)  # subscribed: from here on the broker keeps what it does not hear
        for round_ in range(4):
            with process("telemetry_ingest", str(store.path), str(broker.port)) as ingest:
                assert ingest.stdout is not None
                assert ingest.stdout.readline() == "ready\n"
                for start in range(round_ * 500, round_ * 500 + 500, 50):
                    agent.tell([episode(number) for number in range(start, start + 50)])
                    time.sleep(0.02)
                ingest.kill()
        before = len(store.events())
        with receiving(store, broker) as receiver:
            until(receiver, 2000 - before) if before < 2000 else None
            drain(agent, receiver)
    assert numbers(store) == list(range(2000))


def test_a_day_off_line_arrives_whole(tmp_path: Path, broker: Mosquitto, store: TelemetryStore) -> None:
    """24 h of a robot: an episode every 10 s, health and control every minute; 8,640 + 2 x 1,440 = 11,520 events."""
    broker.stop()
    with TelemetryAgent(tmp_path / "robot", "plant-1", "robot-1", broker=Broker(port=broker.port)) as agent:
        for minute in range(0, 1440, 10):
            ten = range(minute, minute + 10)
            agent.tell([episode(number) for number in range(minute * 6, minute * 6 + 60)])
            agent.tell([event for number in ten for event in (control(number), health(number))])
        assert (agent.outbox.waiting, agent.outbox.dropped) == (11_520, 0)
    broker.start()
    with receiving(store, broker) as receiver:
        receiver.step(0.5)
        with TelemetryAgent(tmp_path / "robot", "plant-1", "robot-1", broker=Broker(port=broker.port)) as agent:
            until(receiver, 11_520)
            drain(agent, receiver)
        assert receiver.done.added == 11_520
    assert numbers(store) == list(range(8640))


def test_a_clock_that_jumps_changes_no_event(tmp_path: Path, broker: Mosquitto, store: TelemetryStore) -> None:
    jumps = {3: timedelta(days=3650), 6: timedelta(days=-20_000)}
    seconds = iter(range(100))
    wall = [START]
    clock = SteadyClock(lambda: wall[0], lambda: next(seconds))
    with ExitStack() as stack:
        receiver = stack.enter_context(receiving(store, broker))
        receiver.step(0.5)
        agent = stack.enter_context(
            TelemetryAgent(tmp_path / "robot", "plant-1", "robot-1", broker=Broker(port=broker.port), clock=clock)
        )
        for number in range(9):
            wall[0] += jumps.get(number, timedelta())
            agent.health()
        until(receiver, 9)
    rows = store.rows("SELECT timestamp, event_id, clock_offset_s FROM Health ORDER BY event_id")
    stamps = [row["timestamp"] for row in rows]
    assert stamps == [START + timedelta(seconds=2 * number + 2) for number in range(9)], "a second a look at the clock"
    assert store.refusals() == {}
    offsets = [row["clock_offset_s"] for row in rows]
    assert max(offsets) > 3649 * 86_400 > 0 > -16_000 * 86_400 > min(offsets)
