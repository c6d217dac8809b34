"""A robot of another process is recorded over real DDS."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from physai.data_pipeline.capture.buffer import Buffer
from physai.data_pipeline.capture.dds.source import DdsSource
from physai.data_pipeline.capture.errors import BusyError, DiskFullError, OtherConfigError, WriteError
from physai.data_pipeline.capture.folder import episodes
from physai.data_pipeline.capture.live import LiveRecorder, LiveReport
from physai.data_pipeline.capture.recover import recover
from physai.data_pipeline.capture.sample import Sample
from physai.data_pipeline.capture.status import LiveStatus, read_status
from physai.data_pipeline.tests.capture_robot import DOMAIN, LOOPBACK, TYPES, config, robot
from physai.infrastructure.contracts import RecordingConfig, TimerTrigger, digest_file
from physai.infrastructure.ros2.definitions import Definitions

PHYSAI = str(Path(sys.executable).with_name("physai"))
AFTER_HALF = (TimerTrigger(kind="timer", after_s=0.5),)


@pytest.fixture(autouse=True)
def loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYCLONEDDS_URI", LOOPBACK)


@pytest.fixture(scope="module")
def arm() -> Iterator[None]:
    with robot():
        yield


def record(folder: Path, planned: RecordingConfig, **options: Any) -> LiveReport:
    definitions = Definitions()
    source = DdsSource(planned.topics, definitions, DOMAIN)
    return LiveRecorder(planned, source, folder, definitions, **options).run()


@pytest.mark.usefixtures("arm")
def test_an_episode_holds_every_message_and_its_sidecar_tells_how_it_came_to_be(tmp_path: Path) -> None:
    planned = config(stop=AFTER_HALF)
    report = record(tmp_path, planned, max_episodes=2, operator="kim", note="new gripper")
    assert report.recorded == ("episode-000000.mcap", "episode-000001.mcap")
    assert (report.dropped, report.errors) == (0, 0)
    for sidecar in episodes(tmp_path):
        assert sidecar.content == digest_file(tmp_path / sidecar.file)
        assert sidecar.config == planned.digest
        assert (sidecar.generator, sidecar.note, sidecar.outcome) == ("kim", "new gripper", "success")
        assert (sidecar.started_by, sidecar.stopped_by) == ("topic /joint_states position[1]", "timer 0.5 s")
        assert set(sidecar.messages) == set(TYPES)
        joints = sidecar.topics["/joint_states"]
        assert joints.first_ns is not None
        assert joints.last_ns is not None
        assert joints.messages == round((joints.last_ns - joints.first_ns) * 50 / 1e9) + 1  # one each 20 ms
        assert joints.clock_offset_s is not None
        assert sidecar.findings == ()
    for path in tmp_path.glob("episode-*"):
        path.unlink()  # as `transfer run --keep-h` does: what is in the store must not get a namesake
    assert record(tmp_path, planned, max_episodes=1).recorded == ("episode-000002.mcap",)


def test_a_topic_that_dies_is_named_in_the_sidecar(tmp_path: Path) -> None:
    planned = config(start=(), stop=(TimerTrigger(kind="timer", after_s=2.5),))
    with robot(DOMAIN + 1, silent_after={"/target_pose": 40}):
        definitions = Definitions()
        source = DdsSource(planned.topics, definitions, DOMAIN + 1)
        report = LiveRecorder(planned, source, tmp_path, definitions, max_episodes=1).run()
    (sidecar,) = episodes(tmp_path)
    assert report.errors >= 1
    assert [(f.topic, f.what) for f in sidecar.findings if f.what == "died"] == [("/target_pose", "died")]


def test_a_publisher_that_offers_less_is_told(tmp_path: Path) -> None:
    told: list[str] = []

    def until_told(status: LiveStatus) -> None:
        if problem := status.topics["/joint_states"].problem:
            told.append(problem)
            recorder.stop.set()

    with robot(DOMAIN + 2, reliable=False):
        planned, definitions = config(), Definitions()
        source = DdsSource(planned.topics, definitions, DOMAIN + 2)
        recorder = LiveRecorder(planned, source, tmp_path, definitions, show=until_told, duration_s=20)
        recorder.run()
    assert "best-effort" in told[0]


def test_what_has_no_room_is_dropped_and_counted_by_topic() -> None:
    buffer = Buffer(100)
    for size in (60, 60, 40, 1):
        buffer.put(Sample("/camera" if size == 60 else "/joints", b"x" * size, 0, 0))
    taken, dropped = buffer.take(0)
    assert [len(sample.data) for sample in taken] == [60, 40]
    assert dropped == {"/camera": 1, "/joints": 1}
    buffer.put(Sample("/camera", b"x" * 60, 0, 0))  # what was taken is still in memory
    assert buffer.take(0) == ([], {"/camera": 1})
    buffer.put(Sample("/camera", b"x" * 60, 0, 0))
    assert len(buffer.take(0)[0]) == 1


@pytest.mark.usefixtures("arm")
def test_a_queue_that_is_too_small_loses_nothing_silently(tmp_path: Path) -> None:
    record(tmp_path, config(queue_mb=0.0006, stop=AFTER_HALF), max_episodes=1)
    (sidecar,) = episodes(tmp_path)
    dropped = sum(topic.dropped for topic in sidecar.topics.values())
    assert dropped > 0
    assert {finding.topic for finding in sidecar.findings if finding.what == "dropped"} == {
        topic for topic, record in sidecar.topics.items() if record.dropped
    }


@pytest.mark.usefixtures("arm")
def test_the_disk_guard_ends_the_episode_properly_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = iter([50e9, 50e9, 50e9] + [1e9] * 20)
    real = __import__("shutil").disk_usage

    def usage(path: Path) -> Any:
        return type(real(path))(100e9, 0, next(free))

    monkeypatch.setattr("physai.data_pipeline.capture.live.shutil.disk_usage", usage)
    with pytest.raises(DiskFullError, match=r"1\.00 GB are free, recording stops at 2 GB"):
        record(tmp_path, config(min_free_gb=2.0, start=(), stop=()))
    (sidecar,) = episodes(tmp_path)
    assert (sidecar.outcome, sidecar.stopped_by) == ("interrupted", "the disk guard")
    assert sidecar.findings[0].what == "disk"
    assert sidecar.messages["/joint_states"] > 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A tmpfs of 200 kB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("may not mount a tmpfs")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.usefixtures("arm")
def test_a_full_disk_is_one_line_and_keeps_what_was_written(small_disk: Path, tmp_path: Path) -> None:
    folder = small_disk / "episodes"
    folder.mkdir()
    (small_disk / "ballast").write_bytes(b"x" * 60_000)
    with pytest.raises(WriteError, match="could not be written: No space left on device"):
        record(folder, config(start=(), stop=(), compression="none"))
    assert episodes(folder) == []
    (small_disk / "ballast").unlink()
    roomy = tmp_path / "roomy"  # recovery writes a second file before it removes the torn one
    roomy.mkdir()
    for part in folder.iterdir():
        (roomy / part.name).write_bytes(part.read_bytes())
    assert recover(roomy).saved == ("episode-000000.mcap",)
    (sidecar,) = episodes(roomy)
    assert sidecar.outcome == "interrupted"
    assert sidecar.findings[0].what == "torn"
    assert sidecar.messages["/joint_states"] > 5


@pytest.mark.usefixtures("arm")
def test_a_folder_takes_one_recorder_and_one_config(tmp_path: Path) -> None:
    planned, definitions = config(), Definitions()
    source = DdsSource(planned.topics, definitions, DOMAIN)
    first = LiveRecorder(planned, source, tmp_path, definitions)
    thread = threading.Thread(target=first.run)
    thread.start()
    wait_for(lambda: read_status(tmp_path).live is not None)
    with pytest.raises(BusyError, match="another process is recording here"):
        record(tmp_path, planned)
    wait_for(lambda: bool(episodes(tmp_path)))
    assert read_status(tmp_path).state in ("recording", "waiting")
    first.stop.set()
    thread.join()
    assert read_status(tmp_path).state == "idle"
    with pytest.raises(OtherConfigError, match=r"see recording\.json"):
        record(tmp_path, config(task="something else"))


def wait_for(there: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not there():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.usefixtures("arm")
def test_ctrl_c_ends_the_command_cleanly(tmp_path: Path) -> None:
    (tmp_path / "arm.yaml").write_text(config(start=(), stop=()).model_dump_json())
    folder = tmp_path / "episodes"
    words = ["data-pipeline", "capture", "record", "--config", tmp_path / "arm.yaml", "--output", folder, "--json"]
    process = subprocess.Popen(
        [PHYSAI, *words, "--domain", str(DOMAIN)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PHYSAI_HOME": str(tmp_path)},
    )
    wait_for(lambda: folder.exists() and read_status(folder).state == "recording")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert json.loads(out)["recorded"] == ["episode-000000.mcap"]
    assert json.loads(out)["stopped_by"] == "the operator"
    assert json.loads(out)["lost"] is not None  # the recorder counts what never arrived
    assert "episode 0" in err
    assert episodes(folder)[0].outcome == "success"
    listed = subprocess.run([PHYSAI, "data-pipeline", "capture", "list", folder], capture_output=True, text=True)
    assert "episode-000000.mcap" in listed.stdout
