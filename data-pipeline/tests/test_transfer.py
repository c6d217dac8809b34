"""The way from the robot to a store, over lines that cut and corrupt, to a real Azurite."""

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from azure.storage.blob import BlobServiceClient
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from physai.data_pipeline.cli import app
from physai.data_pipeline.tests.bad_line import BadLine
from physai.data_pipeline.tests.convert_recordings import Tape, write_episode, write_sidecar
from physai.data_pipeline.transfer import news as news_module
from physai.data_pipeline.transfer.errors import (
    BrokerError,
    IncompleteError,
    NoEdgeFolderError,
    NoQueueError,
    OtherTargetError,
    PriorityError,
    RemoteMismatchError,
    WindowError,
)
from physai.data_pipeline.transfer.news import News, Silent
from physai.data_pipeline.transfer.pace import Bandwidth, Window, wait_s
from physai.data_pipeline.transfer.queue import Queue
from physai.data_pipeline.transfer.run import Plan, priority_rule, remove, run, status, verify
from physai.infrastructure.contracts import RawEpisode, digest_file
from physai.infrastructure.storage import open_store
from physai.infrastructure.storage.credentials import CONNECTION_STRING
from physai.infrastructure.tests.storage_azurite import ACCOUNT, answers, azurite, connection_string

HASTY = Plan(sleep=lambda _s: None)
KEY = "raw/arm/2025-01-01/session/episode-000000.mcap"


@pytest.fixture
def edge(tmp_path: Path) -> Path:
    """An edge folder with two episodes, the second interrupted."""
    session = tmp_path / "edge" / "session"
    write_episode(session, 0, Tape(rows=3, camera=None))
    write_episode(session, 1, Tape(rows=3, camera=None, seed=1), outcome="interrupted")
    return session.parent


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with azurite(tmp_path_factory.mktemp("azurite")) as found:
        yield found


@pytest.fixture
def container(endpoint: str, request: pytest.FixtureRequest) -> str:
    name = f"t{abs(hash(request.node.nodeid))}"
    with BlobServiceClient.from_connection_string(connection_string(endpoint)) as service:
        service.create_container(name).close()
    return name


@contextmanager
def broker(folder: Path) -> Iterator[int]:
    program = shutil.which("mosquitto", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
    if program is None:
        pytest.skip("mosquitto is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    process = subprocess.Popen([program, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 20
        while not answers(port):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def big_episode(edge: Path, megabytes: int) -> Path:
    """An episode of random bytes; the way to a store does not look into it."""
    path = edge / "session" / "episode-000000.mcap"
    path.write_bytes(np.random.default_rng(0).bytes(megabytes << 20))
    write_sidecar(path, [], Tape())
    return path


def test_folders_of_one_name_stay_apart(tmp_path: Path) -> None:
    for seed, part in enumerate(("morning", "evening")):
        write_episode(tmp_path / "edge" / part / "session", 0, Tape(rows=3, camera=None, seed=seed))
    assert run(tmp_path / "edge", str(tmp_path / "store"), HASTY).verified == 4
    for part in ("morning", "evening"):
        name = "session/episode-000000.mcap"
        sent = tmp_path / "store/raw/arm/2025-01-01" / part / name
        assert digest_file(sent) == digest_file(tmp_path / "edge" / part / name)


def test_an_edge_that_is_a_session_itself_goes_by_its_name(edge: Path, tmp_path: Path) -> None:
    run(edge / "session", str(tmp_path / "store"), HASTY)
    assert (tmp_path / "store" / KEY).is_file()


def test_a_file_that_changed_after_it_was_verified_stays(edge: Path, tmp_path: Path) -> None:
    run(edge, str(tmp_path / "store"), HASTY)
    path = edge / "session/episode-000001.json"
    path.write_text(path.read_text() + " ")
    with Queue(edge) as queue:
        remove(queue, HASTY._replace(keep_h=0), Silent())
    assert [each.name for each in sorted((edge / "session").glob("episode-*"))] == [path.name]


@pytest.mark.azurite
def test_a_line_that_is_cut_50_times_and_flips_a_byte_ends_with_the_same_digest(
    edge: Path, endpoint: str, container: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = big_episode(edge, 32)
    with BadLine(endpoint, cuts=50, cut_every=700_000, flip_at=9_000_000) as line:
        monkeypatch.setenv(CONNECTION_STRING, connection_string(line.endpoint))
        report = run(edge, f"azure://{ACCOUNT}/{container}/fleet", HASTY)
        assert line.cuts_left == 0
        assert line.flipped
    assert (report.verified, report.waiting, report.failures) == (4, 0, ())
    monkeypatch.setenv(CONNECTION_STRING, connection_string(endpoint))
    store = open_store(f"azure://{ACCOUNT}/{container}/fleet")
    assert store.get(KEY, edge.parent / "back") == digest_file(path) == digest_file(edge.parent / "back")


@pytest.mark.azurite
def test_a_dead_line_is_a_refusal_and_the_edge_keeps_everything(
    edge: Path, endpoint: str, container: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = big_episode(edge, 2)
    with BadLine(endpoint, cuts=10_000, cut_every=1) as line:
        monkeypatch.setenv(CONNECTION_STRING, connection_string(line.endpoint))
        with pytest.raises(IncompleteError, match=r"4 files did not arrive, the first is session/episode-000000\.mcap"):
            run(edge, f"azure://{ACCOUNT}/{container}/fleet", HASTY._replace(attempts=3, keep_h=0))
    assert path.exists()
    assert status(edge).waiting == 4


def test_recordings_go_by_robot_and_date_with_what_vouches_for_them_last(edge: Path, tmp_path: Path) -> None:
    (edge / "session" / ".episode-000002.mcap.part").write_bytes(b"open")
    (edge / "session" / "episode-000003.mcap").write_bytes(b"no sidecar yet")
    report = run(edge, str(tmp_path / "store"), HASTY)
    assert (report.verified, report.waiting) == (4, 0)
    day = tmp_path / "store" / "raw" / "arm" / "2025-01-01" / "session"
    assert sorted(path.name for path in day.iterdir()) == [
        f"episode-00000{i}.{kind}" for i in (0, 1) for kind in ("json", "mcap")
    ]
    with Queue(edge) as queue:
        assert [entry.last for entry in queue.entries()] == [False, False, True, True]


def test_priority_goes_first(edge: Path, tmp_path: Path) -> None:
    run(edge, str(tmp_path / "store"), HASTY._replace(priorities=(priority_rule("*000001*=5"),)))
    with Queue(edge) as queue:
        assert [Path(entry.path).name for entry in queue.entries()][:2] == [
            "episode-000001.mcap",
            "episode-000001.json",
        ]


def test_only_what_was_read_back_leaves_the_edge(edge: Path, tmp_path: Path) -> None:
    plan = HASTY._replace(keep_h=0)
    report = run(edge, str(tmp_path / "store"), plan)
    assert (report.removed, report.waiting, report.verified) == (4, 0, 0)
    assert list((edge / "session").iterdir()) == []
    assert verify(edge).removed == 4
    assert run(edge, str(tmp_path / "store"), plan).removed == 4


def test_what_is_kept_a_while_stays_for_that_long(edge: Path, tmp_path: Path) -> None:
    assert run(edge, str(tmp_path / "store"), HASTY._replace(keep_h=1)).verified == 4
    assert len(list((edge / "session").iterdir())) == 4


def test_other_bytes_in_the_store_are_found_and_sent_again(edge: Path, tmp_path: Path) -> None:
    target = str(tmp_path / "store")
    run(edge, target, HASTY)
    there = tmp_path / "store" / KEY
    there.write_bytes(there.read_bytes()[:-1] + b"?")
    with pytest.raises(RemoteMismatchError, match=r"episode-000000\.mcap: holds sha256:"):
        verify(edge)
    assert status(edge).waiting == 1
    assert run(edge, target, HASTY).verified == 4
    assert digest_file(there) == RawEpisode.read(edge / "session" / "episode-000000.json").content


def test_a_recording_that_changes_is_sent_again(edge: Path, tmp_path: Path) -> None:
    run(edge, str(tmp_path / "store"), HASTY)
    write_episode(edge / "session", 0, Tape(rows=5, camera=None))
    run(edge, str(tmp_path / "store"), HASTY)
    assert digest_file(tmp_path / "store" / KEY) == digest_file(edge / "session" / "episode-000000.mcap")


def test_a_folder_has_one_target(edge: Path, tmp_path: Path) -> None:
    run(edge, str(tmp_path / "store"), HASTY)
    with pytest.raises(OtherTargetError, match="its queue is for file://"):
        run(edge, str(tmp_path / "other"), HASTY)


def test_a_target_to_which_nothing_could_go_is_not_kept(edge: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("a file, not a store")
    with pytest.raises((OSError, IncompleteError)):
        run(edge, str(tmp_path / "notes.txt" / "store"), HASTY)
    assert run(edge, str(tmp_path / "store"), HASTY).verified == 4


def test_what_cannot_be_understood_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoEdgeFolderError):
        run(tmp_path / "nowhere", str(tmp_path), HASTY)
    with pytest.raises(NoQueueError):
        status(tmp_path)
    with pytest.raises(PriorityError):
        priority_rule("high")
    with pytest.raises(WindowError):
        Window.parse("tonight")
    with pytest.raises(BrokerError):
        News(":x", "t", "s")


def test_bandwidth_is_what_was_asked_for() -> None:
    clock = [0.0]
    slept: list[float] = []

    def sleep(wait: float) -> None:
        slept.append(wait)
        clock[0] += wait

    pace = Bandwidth(1000, lambda: clock[0], sleep)
    for _ in range(11):
        pace(1000)
    assert clock[0] == pytest.approx(10)  # the first second is free at the start, each block then takes one
    assert len(slept) == 10


def test_a_window_over_midnight_is_open_at_night() -> None:
    night = Window.parse("22:00-06:00")
    assert night.holds(datetime(2026, 1, 1, 23))
    assert night.holds(datetime(2026, 1, 1, 5, 59))
    assert not night.holds(datetime(2026, 1, 1, 6))
    assert wait_s((night,), datetime(2026, 1, 1, 21, 30)) == 1800
    assert wait_s((Window.parse("08:00-09:00"),), datetime(2026, 1, 1, 10)) == 22 * 3600
    assert wait_s((), datetime(2026, 1, 1)) == 0


@given(st.times(), st.times(), st.times())
def test_a_moment_is_in_a_window_or_in_its_complement(start, end, at) -> None:  # type: ignore[no-untyped-def]
    moment = datetime.combine(datetime(2026, 1, 1), at)
    if start != end:
        assert Window(start, end).holds(moment) != Window(end, start).holds(moment)


def test_a_broker_that_is_away_costs_only_the_news(edge: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(news_module, "WAITING", 2)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with News(f"127.0.0.1:{nobody.getsockname()[1]}", "t", "edge") as news:
            report = run(edge, str(tmp_path / "store"), HASTY, news)
    assert report.verified == 4
    assert report.events_dropped == 6  # 4 sent and 4 verified, 2 of them wait


@pytest.mark.mosquitto
def test_events_reach_a_broker(edge: Path, tmp_path: Path) -> None:
    import paho.mqtt.client as mqtt
    from paho.mqtt.enums import CallbackAPIVersion

    with broker(tmp_path) as port:
        got: list[str] = []
        ready, all_there = threading.Event(), threading.Event()
        listener = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        listener.on_connect = lambda client, *_: client.subscribe("fleet/#", qos=1)
        listener.on_subscribe = lambda *_: ready.set()

        def hear(_client: object, _userdata: object, message: mqtt.MQTTMessage) -> None:
            got.append(message.payload.decode())
            if len(got) == 8:
                all_there.set()

        listener.on_message = hear
        listener.connect("127.0.0.1", port)
        listener.loop_start()
        assert ready.wait(20)
        with News(f"127.0.0.1:{port}", "fleet", "edge") as news:
            run(edge, str(tmp_path / "store"), HASTY, news)
        assert all_there.wait(20)
        listener.disconnect()
        listener.loop_stop()
    events = [news_module.TransferEvent.model_validate_json(text) for text in got]
    assert [event.type for event in events].count("physai.transfer.verified.v1") == 4
    assert {event.subject for event in events} >= {KEY}


def test_commands_tell_where_files_are(edge: Path, tmp_path: Path) -> None:
    words = ["transfer", "run", str(edge), "--target", str(tmp_path / "store"), "--json"]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0
    assert '"verified": 4' in done.stdout
    assert "4" in CliRunner().invoke(app, ["transfer", "status", str(edge)], catch_exceptions=False).stdout
    assert CliRunner().invoke(app, ["transfer", "verify", str(edge)], catch_exceptions=False).exit_code == 0
