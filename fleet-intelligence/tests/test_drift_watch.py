"""Each drift and each recovery is told once, whatever is restarted in between."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from physai.fleet_intelligence.cli import app
from physai.fleet_intelligence.drift.alerts import AlertBook
from physai.fleet_intelligence.drift.cusum import Level
from physai.fleet_intelligence.drift.watch import Watch
from physai.fleet_intelligence.errors import EmptyTelemetryError
from physai.fleet_intelligence.telemetry.store import TelemetryStore
from physai.infrastructure.contracts import DriftReport

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
