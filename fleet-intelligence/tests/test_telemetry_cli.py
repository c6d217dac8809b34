import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from physai.fleet_intelligence.cli import app
from physai.fleet_intelligence.errors import AmbiguousPolicyError, ForeignEventsError, NoEventsError, SilentBrokerError
from physai.fleet_intelligence.telemetry.store import TelemetryStore
from physai.fleet_intelligence.telemetry.transport_cli import send
from physai.infrastructure.contracts import digest_bytes

from .make_events import episode, signal, write_events

POLICY = digest_bytes(b"policy")


def run(*words: str) -> str:
    result = CliRunner().invoke(app, ["telemetry", *words], env={"COLUMNS": "200"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def store(tmp_path: Path) -> list[str]:
    return ["--store", str(tmp_path / "t.db")]


def test_events_are_taken_in_listed_and_counted(tmp_path: Path, store: list[str]) -> None:
    for robot in ("robot-1", "robot-2"):
        write_events(tmp_path / robot, [episode(index, index < 6, POLICY, robot) for index in range(8)])
    done = json.loads(run("ingest", str(tmp_path / "robot-1"), str(tmp_path / "robot-2"), *store, "--json"))
    assert (done["added"], done["duplicates"], done["refused"]) == (16, 0, [])
    assert "0 added, 16 known already, 0 refused" in run("ingest", str(tmp_path), *store)
    listed = json.loads(run("list", "--robot", "robot-2", "--last", "3", *store, "--json"))["events"]
    assert [each["data"]["episode"] for each in listed] == [5, 6, 7]
    assert "reach-1" in run("list", *store)
    summary = json.loads(run("summary", *store, "--json"))
    assert summary["groups"][0]["success"]["value"] == 0.75
    assert "75% (51%-90%) of 16" in run("summary", *store)  # Wilson: (0.6938 +- 0.1933), z = 1.96


def test_what_is_refused_is_printed_with_its_place(tmp_path: Path, store: list[str]) -> None:
    path = write_events(tmp_path, [episode(0, True, POLICY)])
    path.write_text(path.read_text() + '{"id": "[red]x"}\n' + '{"torn')
    printed = run("ingest", str(path), *store)
    assert f"refused {path}:2: " in printed
    assert f"torn    {path}" in printed


def test_a_name_that_looks_like_markup_is_printed_as_it_is(tmp_path: Path, store: list[str]) -> None:
    run("ingest", str(write_events(tmp_path, [episode(0, True, POLICY, "[bold]r")])), *store)
    assert "[bold]r" in run("list", *store)


def test_nothing_to_ingest_is_an_error(tmp_path: Path, store: list[str]) -> None:
    (tmp_path / "events.jsonl").write_text("nonsense\n")
    with pytest.raises(NoEventsError):
        run("ingest", str(tmp_path), *store)


def test_signals_of_several_windows_are_told_as_one(tmp_path: Path, store: list[str]) -> None:
    first = signal(0, samples=1, mean=(1.0,), variance=(0.0,), minimum=(1.0,), maximum=(1.0,), newest=(1.0,))
    second = signal(1, samples=3, mean=(5.0,), variance=(2.0,), minimum=(3.0,), maximum=(7.0,), newest=(7.0,))
    with TelemetryStore(Path(store[1])) as opened:
        opened.add([first, second, signal(1, robot="robot-2"), signal(-60 * 24, "old")])
    (told,) = json.loads(run("signals", "--robot", "robot-1", *store, "--json"))["signals"]
    assert (told["samples"], told["windows"], told["mean"], told["newest"]) == (4, 2, [4.0], [7.0])
    assert told["std"] == [pytest.approx(4.5**0.5)]  # squares: 3*2 + 4**2 * 1*3/4 = 18, of 4 samples
    assert told["buckets"] == {"-32": 10000, "0": 2000}
    printed = run("signals", "--signal", "action", *store)
    assert "robot-2" in printed
    assert "0.4946" in printed  # p50: in bucket -32, up to a half: 2**(-32.5/32)


def test_a_policy_is_found_by_its_first_digits(tmp_path: Path, store: list[str]) -> None:
    other = "sha256:" + POLICY[7:10] + "0" * 61
    run("ingest", str(write_events(tmp_path, [episode(0, True, POLICY), episode(1, True, other)])), *store)
    listed = json.loads(run("list", "--policy", POLICY[7:19], *store, "--json"))["events"]
    assert [each["data"]["policy"] for each in listed] == [POLICY]
    with pytest.raises(AmbiguousPolicyError, match="is ambiguous"):
        run("list", "--policy", POLICY[7:10], *store)


def test_events_of_another_robot_are_not_sent_and_lines_that_are_none_are_told_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_events(tmp_path / "robot-1", [episode(0)])
    with (tmp_path / "robot-1/events.jsonl").open("a") as file:
        file.write("{}\n")
    with pytest.raises(ForeignEventsError, match=r"/plant-1/robot-2: cannot send what /plant-1/robot-1 tells"):
        send([tmp_path / "robot-1"], site="plant-1", robot="robot-2")
    assert f"left out {tmp_path}/robot-1/events.jsonl:2" in capsys.readouterr().err


def test_a_broker_that_does_not_answer_is_an_error(store: list[str]) -> None:
    with pytest.raises(SilentBrokerError, match="no connection to the broker: nobody answers"):
        run("receive", "--port", "1", "--seconds", "0.5", *store)
