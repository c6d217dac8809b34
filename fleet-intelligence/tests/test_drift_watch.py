"""Each drift and each recovery is told once, whatever is restarted in between."""

import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from azure.kusto.data import KustoClient, KustoConnectionStringBuilder
from typer.testing import CliRunner

from physai.fleet_intelligence.cli import app
from physai.fleet_intelligence.drift.alerts import AlertBook
from physai.fleet_intelligence.drift.cusum import Level
from physai.fleet_intelligence.drift.onward import DriftSink
from physai.fleet_intelligence.drift.watch import Watch
from physai.fleet_intelligence.errors import DriftNotTakenError, EmptyTelemetryError
from physai.fleet_intelligence.telemetry.store import TelemetryStore
from physai.infrastructure.contracts import DriftData, DriftEvent, DriftReport
from physai.infrastructure.kusto.stream import ClusterUriError, connect

from .kusto_service import Kusto, kusto_service
from .make_laps import event
from .test_drift_check import POLICY, report

LEVEL = Level(0.05, 100)
PHASES = [True] * 20 + [False] * 20 + [True] * 160 + [False] * 20


@pytest.fixture
def store(tmp_path: Path) -> TelemetryStore:
    return TelemetryStore(tmp_path / "t.duckdb")


def produce(store: TelemetryStore, start: int, stop: int) -> None:
    store.add(event(number, PHASES[number], POLICY) for number in range(start, stop))


def watch(store: TelemetryStore, book: AlertBook) -> Watch:
    return Watch(store, [report()], LEVEL, book)


def test_drift_recovery_and_the_next_drift_are_told_once_each(store: TelemetryStore, tmp_path: Path) -> None:
    book = AlertBook(tmp_path / "alerts")
    told: list[tuple[str, int]] = []
    for start in range(0, len(PHASES), 10):
        produce(store, start, start + 10)
        told += [(alert.what, alert.number) for alert in watch(store, book).look()]  # a new watcher each time
        assert watch(store, book).look() == []
    assert told == [("drift", 1), ("recovered", 1), ("drift", 2)]
    written = DriftReport.read(book.folder / f"drift-{POLICY[7:19]}.json")
    assert len(written.spells) == 1
    assert written.detected_at is not None


def test_what_is_silenced_is_written_down_and_marked(store: TelemetryStore, tmp_path: Path) -> None:
    book = AlertBook(tmp_path / "alerts")
    book.silence(POLICY, hours=8, by="anna", reason="trial")
    produce(store, 0, 40)
    (alert,) = watch(store, book).look()
    assert alert.silenced == "anna, trial"
    assert book.log().alerts == (alert,)
    book.silence(POLICY, hours=-1, by="anna", reason="over")
    produce(store, 40, 220)
    assert [alert.silenced for alert in watch(store, book).look()] == ["", ""]


def test_the_command_tells_what_is_new_as_lines(store: TelemetryStore, tmp_path: Path) -> None:
    produce(store, 0, 40)
    report().write(tmp_path / "report.json")
    command = ["drift", "watch", "--report", str(tmp_path / "report.json"), "--store", str(store.path)]
    command += ["--folder", str(tmp_path / "alerts"), "--seconds", "0", "--horizon", "100"]
    first = CliRunner().invoke(app, [*command, "--json"])
    assert first.exit_code == 0, first.output
    (line,) = first.stdout.splitlines()
    alert = json.loads(line)
    assert (alert["what"], alert["where"], alert["baseline"]) == ("drift", "everywhere", 0.9)
    assert CliRunner().invoke(app, command).stdout == ""
    quiet = ["drift", "silence", POLICY, "--hours", "2", "--by", "anna", "--reason", "x"]
    assert "silent until" in CliRunner().invoke(app, [*quiet, "--folder", str(tmp_path / "alerts")]).stdout
    produce(store, 40, 200)
    assert "recovered" in CliRunner().invoke(app, command).stdout


def test_a_policy_is_silenced_by_its_first_digits_and_an_unknown_one_is_refused(
    store: TelemetryStore, tmp_path: Path
) -> None:
    produce(store, 0, 1)
    said = ["--hours", "2", "--by", "anna", "--reason", "x", "--folder", str(tmp_path / "alerts")]
    said += ["--store", str(store.path), "--json"]
    made = CliRunner().invoke(app, ["drift", "silence", POLICY[7:19], *said])
    assert json.loads(made.stdout)["policy"] == POLICY
    with pytest.raises(EmptyTelemetryError, match=f"no production episode of reach. It has episodes of {POLICY}"):
        CliRunner().invoke(app, ["drift", "silence", "reach", *said], catch_exceptions=False)


@contextmanager
def sink_of(kusto: Kusto, clock: Callable[[], float]) -> Iterator[DriftSink]:
    with KustoClient(KustoConnectionStringBuilder.with_no_authentication(kusto.uri)) as client:
        yield DriftSink(client, kusto.uri, "Fleet", clock)


def taken(kusto: Kusto) -> list[DriftData]:
    return [
        DriftEvent.model_validate_json(line).data
        for *_, body in kusto.got
        for line in gzip.decompress(body).splitlines()
    ]


def test_kusto_is_told_of_each_turn_at_once_and_of_numbers_once_a_minute(store: TelemetryStore, tmp_path: Path) -> None:
    now_s = 0.0
    with kusto_service() as kusto, sink_of(kusto, lambda: now_s) as sink:
        watching = Watch(store, [report()], LEVEL, AlertBook(tmp_path / "alerts"), sink)
        for start in range(0, len(PHASES), 10):
            produce(store, start, start + 10)
            watching.look()
        sink.close()
        told = taken(kusto)
        assert [path.partition("?")[0] for path, *_ in kusto.got] == ["/v1/rest/ingest/Fleet/DriftRaw"] * len(told)
        turns = [(data.drifting, data.spells, data.place) for data in told]
        assert turns[:4] == [(False, 0, None), (True, 0, "everywhere"), (False, 1, None), (True, 1, "everywhere")]
        assert turns[4:] == [(True, 1, "everywhere")]  # its newest numbers, told at the end
        drift = DriftReport.read(tmp_path / f"alerts/drift-{POLICY[7:19]}.json")
        assert (told[-1].drift, told[-1].excess, told[-1].threshold) == (
            drift.digest,
            drift.statistic[-1],
            drift.threshold,
        )
        assert (told[-1].episodes, told[-1].baseline, told[-1].production) == (220, 0.9, 180 / 220)
        store.add([event(220, False, POLICY)])
        watching.look()
        assert len(taken(kusto)) == 5  # no turn, and no minute has gone by
        now_s = 61.0
        watching.look()
        assert taken(kusto)[-1].episodes == 221


def test_kusto_that_is_down_stops_no_watch_and_is_told_when_it_is_back(store: TelemetryStore, tmp_path: Path) -> None:
    produce(store, 0, 40)
    with kusto_service() as kusto, sink_of(kusto, lambda: 0.0) as sink:
        watching = Watch(store, [report()], LEVEL, AlertBook(tmp_path / "alerts"), sink)
        kusto.status = 400
        assert [alert.what for alert in watching.look()] == ["drift"]
        assert kusto.uri in sink.trouble
        kusto.status, kusto.got = 200, []
        sink.close()
        assert (sink.trouble, [data.drifting for data in taken(kusto)]) == ("", [True])


def test_the_command_fails_in_one_line_where_no_kusto_is(store: TelemetryStore, tmp_path: Path, monkeypatch) -> None:
    produce(store, 0, 40)
    report().write(tmp_path / "report.json")

    def nobody(uri: str) -> KustoClient:
        return KustoClient(KustoConnectionStringBuilder.with_no_authentication(uri))

    monkeypatch.setattr("physai.infrastructure.kusto.connect", nobody)
    command = ["drift", "watch", "--report", str(tmp_path / "report.json"), "--store", str(store.path)]
    command += ["--folder", str(tmp_path / "alerts"), "--seconds", "0", "--horizon", "100", "--eventhouse"]
    with kusto_service() as kusto:
        assert CliRunner().invoke(app, [*command, kusto.uri]).exit_code == 0
        assert [data.drifting for data in taken(kusto)] == [True]
        kusto.status = 400
        refused = CliRunner().invoke(app, [*command, kusto.uri])
    assert isinstance(refused.exception, DriftNotTakenError)
    assert str(refused.exception).startswith(f"{kusto.uri}, database 'Fleet': ")


def test_what_is_no_address_of_a_cluster_is_refused_at_once() -> None:
    with pytest.raises(ClusterUriError, match="'fleet' is the address of no Kusto cluster"):
        connect("fleet")
