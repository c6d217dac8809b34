"""How fast events come in, over the wire and in batches, and how soon a year's question is answered."""

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

from physai.infrastructure.benchmark import Result
from physai.infrastructure.contracts import (
    CloudEvent,
    ControlData,
    ControlEvent,
    EpisodeData,
    EpisodeEvent,
    digest_bytes,
)

from ..telemetry.agent.agent import TelemetryAgent
from ..telemetry.door import Door
from ..telemetry.receive import Receiver
from ..telemetry.store import TelemetryStore
from ..telemetry.tables import BY_EVENT, TABLES
from ..telemetry.wire import Broker, pack_payload, topic
from .broker import broker

BATCH = 500
WIRE = 60_000
SETTLE_S = 1.0  # until the receiver has subscribed; what is sent before is for nobody
ROBOTS, DAYS = 1000, 90
PER_DAY = 50  # episodes of a robot
QUERIES = {
    "success by site and day": (
        "SELECT site, date_trunc('day', timestamp) AS day, avg(success::INT) AS rate, count(*) AS n "
        "FROM Episodes GROUP BY ALL ORDER BY day, site"
    ),
    "worst 20 robots": (
        "SELECT robot, avg(success::INT) AS rate, count(*) AS n FROM Episodes GROUP BY robot ORDER BY rate LIMIT 20"
    ),
    "latency percentiles by hour": (
        "SELECT date_trunc('hour', timestamp) AS hour, quantile_cont(inference_p99_ms, [0.5, 0.95, 0.99]) AS p "
        "FROM Episodes GROUP BY ALL ORDER BY hour"
    ),
}


def control_event(number: int, robot: str = "robot-1") -> ControlEvent:
    """One of the commonest events, a minute of control."""
    return ControlEvent(
        id=f"control/{number:09d}",
        source=f"/plant-1/{robot}",
        time=datetime.now(UTC) - timedelta(seconds=1),
        data=ControlData(
            policy=digest_bytes(b"policy"),
            release="reach-1",
            cohort="pilot",
            robot=robot,
            site="plant-1",
            window_s=60.0,
            steps=1800,
            inference_p50_ms=0.5,
            inference_p95_ms=0.75,
            inference_p99_ms=1.25,
            inference_max_ms=4.0,
            deadline_misses=2,
            errors=0,
        ),
    )


def episode_event(number: int) -> EpisodeEvent:
    """The largest event, an episode."""
    began = datetime.now(UTC) - timedelta(seconds=10)
    return EpisodeEvent(
        id=f"episode/{number:09d}",
        source="/plant-1/robot-1",
        time=began + timedelta(seconds=2),
        data=EpisodeData(
            policy=digest_bytes(b"policy"),
            release="reach-1",
            robot="robot-1",
            site="plant-1",
            task="Isaac-Reach-UR10",
            episode=number,
            started_at=began,
            success=True,
            steps=60,
            duration_s=2.0,
            command=(0.5, 0.1, 0.3),
            action_mean=(0.1, -0.2, 0.3, 0.0, 0.5, 1.5),
            action_std=(0.01, 0.02, 0.03, 0.04, 0.05, 0.06),
            features={"camera.brightness": 0.5},
            kpis={"final_error_m": 0.004},
        ),
    )


def payloads(make: Callable[[int], CloudEvent], events: int) -> list[bytes]:
    """Batches as they come off the wire, decompressed; only the ids differ."""
    first = make(0)
    body = first.model_dump_json()
    bodies = [body.replace(first.id, f"{first.id[:-9]}{number:09d}", 1).encode() for number in range(events)]
    return [b"[" + b",".join(bodies[start : start + BATCH]) + b"]" for start in range(0, events, BATCH)]


def measure_ingest() -> list[Result]:
    """From decompressed batches through the door into DuckDB, on disk."""
    return [_ingest("control", control_event, 400_000, 200_000), _ingest("episode", episode_event, 200_000, None)]


def _ingest(name: str, make: Callable[[int], CloudEvent], events: int, goal: float | None) -> Result:
    found = payloads(make, events)
    table = BY_EVENT[type(make(0))]
    with tempfile.TemporaryDirectory() as folder:
        store, door = TelemetryStore(Path(folder) / "t.duckdb"), Door()
        store.take([door.take(table, payloads(make, 1)[0].replace(b"/0000", b"/first"), "wire")])  # loads libraries
        start = time.process_time()
        batches = [door.take(table, payload, "wire") for payload in found]
        checked = time.process_time()
        added = store.take(batches).added
        stored = time.process_time()
    assert added == events
    note = f"Checked at {events / (checked - start):,.0f} a CPU second, stored at {events / (stored - checked):,.0f}."
    return Result(
        what=f"{name} events taken in, each once", ours=events / (stored - start), unit="/CPU s", goal=goal, note=note
    )


def measure_wire() -> list[Result]:
    """Agent, its disk, mosquitto, receiver, DuckDB; beside it one event a message, each awaited, to the same store."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port = stack.enter_context(broker(folder))
        ours = _end_to_end(folder, port, [control_event(number, "robot-a") for number in range(WIRE)])
        reached, stored = _one_at_a_time(folder, port, [control_event(n, "robot-b") for n in range(WIRE // 20)])
    note = f"{ours:,.0f} events a second end to end, agent and receiver in one process; {{}}"
    return [
        Result(
            what="agent to broker to store, against one message at a time to the store",
            ours=ours / stored,
            unit="times",
            goal=5,
            note=note.format(
                f"the other {stored:,.0f} a second, first to the broker, then to the store, with no disk before it."
            ),
        ),
        Result(
            what="agent to broker to store, against one message at a time to the broker alone",
            ours=ours / reached,
            unit="times",
            note=note.format(f"the other {reached:,.0f} a second, and no store takes it in."),
        ),
    ]


def _end_to_end(folder: Path, port: int, events: Sequence[ControlEvent]) -> float:
    receiver = Receiver(TelemetryStore(folder / "t.duckdb"), Broker(port=port))
    receiver.start()
    time.sleep(SETTLE_S)
    with TelemetryAgent(folder / "agent", "plant-1", "robot-a", broker=Broker(port=port)) as agent:
        agent.tell([control_event(10**8, "robot-a")])  # loads the libraries of either end
        while receiver.done.added < 1:
            receiver.step()
        start = time.monotonic()
        for at in range(0, len(events), BATCH):
            agent.tell(events[at : at + BATCH])
        while receiver.done.added < len(events) + 1:
            receiver.step()
        seconds = time.monotonic() - start
    receiver.stop()
    return len(events) / seconds


def _one_at_a_time(folder: Path, port: int, events: Sequence[ControlEvent]) -> tuple[float, float]:
    """Events a second that the broker has acknowledged, and that are in the store."""
    client = Broker(port=port).client("one-at-a-time")
    client.connect("127.0.0.1", port)
    client.loop_start()
    receiver = Receiver(TelemetryStore(folder / "t.duckdb"), Broker(port=port))

    start = time.monotonic()
    for event in events:
        body = pack_payload([event.model_dump_json().encode()], compress=False)
        client.publish(topic(event.source, "control"), body, qos=1).wait_for_publish(10)
    reached = len(events) / (time.monotonic() - start)
    receiver.start()  # its session has kept them for it
    while receiver.done.added < len(events):
        receiver.step()
    stored = len(events) / (time.monotonic() - start)
    receiver.stop()
    client.disconnect()
    client.loop_stop()
    return reached, stored


def measure_queries() -> list[Result]:
    """Questions over 90 days of 1,000 robots, 50 episodes a day each: 4.5 million rows."""
    columns = {column.name for column in TABLES["Episodes"].columns}
    values = {
        "event_id": "'e' || i",
        "source": "'/plant-' || (i % 10) || '/robot-' || (i % 1000)",
        "timestamp": f"TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_seconds(i * {86400 / PER_DAY / ROBOTS})",
        "policy": f"'{digest_bytes(b'policy')}'",
        "site": "'plant-' || (i % 10)",
        "robot": "'robot-' || (i % 1000)",
        "success": "hash(i) % 10 > 0",
        "inference_p99_ms": "1 + hash(i) % 1000 / 500",
        "key": "i",
    }
    assert set(values) - {"key"} <= columns
    with tempfile.TemporaryDirectory() as folder:
        store = TelemetryStore(Path(folder) / "t.duckdb")
        with store.writing() as connection:
            selected = ", ".join(f"{text} AS {name}" for name, text in values.items())
            rows = f"SELECT {selected} FROM range({ROBOTS * DAYS * PER_DAY}) AS r(i)"  # noqa: S608 - text is ours
            connection.execute(f"INSERT INTO Episodes BY NAME {rows}")
        results = []
        for name, query in QUERIES.items():
            start = time.monotonic()
            assert store.rows(query)
            results.append(
                Result(
                    what=f"90 days of 1,000 robots, 4.5 million episodes: {name}",
                    ours=time.monotonic() - start,
                    unit="s",
                    goal=5,
                    higher_is_better=False,
                )
            )
    return results
