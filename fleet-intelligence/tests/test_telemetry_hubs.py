"""Event Hubs by the Kafka protocol, against the broker that librdkafka brings for tests."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from physai.fleet_intelligence.errors import HubError
from physai.fleet_intelligence.telemetry import hubs
from physai.fleet_intelligence.telemetry.hubs import HubReader, Hubs
from physai.fleet_intelligence.telemetry.store import TelemetryStore
from physai.fleet_intelligence.telemetry.tables import TABLES
from physai.fleet_intelligence.telemetry.wire import pack_payload

from .make_events import control, episode, health, signal

BATCH = 50


class Kafka:
    """Hubs of all tables in a broker on the loopback."""

    def __init__(self) -> None:
        self.producer = Producer({"bootstrap.servers": "127.0.0.1:1", "test.mock.num.brokers": 1, "log_level": 0})
        for table in TABLES.values():
            (broker,) = self.producer.list_topics(table.topic, timeout=10).brokers.values()  # makes it
        self.bootstrap = f"{broker.host}:{broker.port}"

    def put(self, hub: str, payload: bytes) -> None:
        self.producer.produce(hub, payload)
        assert self.producer.flush(10) == 0


@pytest.fixture(scope="module")
def kafka() -> Kafka:
    return Kafka()


@pytest.fixture
def store(tmp_path: Path) -> TelemetryStore:
    return TelemetryStore(tmp_path / "telemetry.duckdb")


@pytest.fixture
def reader(kafka: Kafka, store: TelemetryStore, request: pytest.FixtureRequest) -> Iterator[HubReader]:
    reader = HubReader(store, Hubs(bootstrap=kafka.bootstrap, group=request.node.name, entra=False))
    reader.start()
    yield reader
    reader.stop()


def until(reader: HubReader, messages: int) -> None:
    deadline = time.monotonic() + 30
    while reader.step().messages < messages:
        assert time.monotonic() < deadline, f"{reader.done} after 30 s without the {messages} messages expected"


def test_every_table_has_its_hub_and_what_is_no_event_stops_nothing(
    kafka: Kafka, reader: HubReader, store: TelemetryStore
) -> None:
    for table, event in zip(TABLES.values(), (episode(0), control(0), health(0), signal(0)), strict=True):
        kafka.put(table.topic, pack_payload([event.model_dump_json().encode()], compress=False))
    kafka.put("episodes", b"\xff{")
    kafka.put("episodes", json.dumps([{"id": "x"}]).encode())
    kafka.put("episodes", pack_payload([episode(0).model_dump_json().encode()], compress=False))
    until(reader, 7)
    assert (reader.done.added, reader.done.duplicates, reader.done.refused) == (4, 1, 2)
    assert store.refusals() == {"malformed": 2}
    assert [len(store.rows(f"FROM {name}")) for name in TABLES] == [1, 1, 1, 1]


def test_a_reader_that_is_killed_loses_nothing_and_tells_nothing_twice(
    kafka: Kafka, store: TelemetryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hubs, "SESSION_MS", 4000)
    group = "killed"
    for start in range(0, 40 * BATCH, BATCH):
        bodies = [episode(number, robot="robot-2").model_dump_json().encode() for number in range(start, start + BATCH)]
        kafka.put("episodes", pack_payload(bodies, compress=False))
    program = (
        "import sys; from pathlib import Path; import physai.fleet_intelligence.telemetry.hubs as hubs\n"
        "hubs.GATHER, hubs.SESSION_MS = 3, 4000\n"
        "from physai.fleet_intelligence.telemetry.store import TelemetryStore\n"
        "reader = hubs.HubReader(TelemetryStore(Path(sys.argv[1])),"
        " hubs.Hubs(bootstrap=sys.argv[2], group=sys.argv[3], entra=False))\n"
        "reader.start()\n"
        "while True: print(reader.step().added, flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(store.path), kafka.bootstrap, group], stdout=subprocess.PIPE, text=True
    ) as victim:
        assert victim.stdout is not None
        until_s = time.monotonic() + 30
        while int(victim.stdout.readline() or 5 * BATCH) < 5 * BATCH and time.monotonic() < until_s:
            pass
        victim.kill()
    assert 5 * BATCH <= len(store.events(robot="robot-2")) < 40 * BATCH
    reader = HubReader(store, Hubs(bootstrap=kafka.bootstrap, group=group, entra=False))
    reader.start()
    deadline = time.monotonic() + 60
    while len(store.events(robot="robot-2")) < 40 * BATCH:
        assert time.monotonic() < deadline
        reader.step(1.0)
    reader.stop()
    assert sorted(event.data.episode for event in store.events(robot="robot-2")) == list(range(40 * BATCH))


def test_a_namespace_that_cannot_be_reached_is_named(store: TelemetryStore) -> None:
    reader = HubReader(store, Hubs(bootstrap="127.0.0.1:9", entra=False))
    reader.start()
    with pytest.raises(HubError, match=r"^127\.0\.0\.1:9: .*Check the name"):
        until(reader, 1)
    reader.stop()


def test_a_hub_that_is_not_there_is_named(store: TelemetryStore) -> None:
    empty = Producer({"bootstrap.servers": "127.0.0.1:1", "test.mock.num.brokers": 1, "log_level": 0})
    (broker,) = empty.list_topics(timeout=10).brokers.values()
    reader = HubReader(store, Hubs(bootstrap=f"{broker.host}:{broker.port}", entra=False))
    reader.start()
    with pytest.raises(HubError, match=r"hub '(control|episodes|health)': .*Unknown topic"):
        until(reader, 1)
    reader.stop()


def test_a_namespace_is_read_over_tls_with_a_token() -> None:
    settings = Hubs.of_namespace("evhns-plant").settings(token=lambda: ("secret", 1e9))
    assert settings["bootstrap.servers"] == "evhns-plant.servicebus.windows.net:9093"
    assert (settings["security.protocol"], settings["sasl.mechanism"]) == ("SASL_SSL", "OAUTHBEARER")
    assert settings["oauth_cb"]("") == ("secret", 1e9)
