"""What a kill leaves, at whatever moment, is saved up to the last whole chunk."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physai.data_pipeline.capture.errors import RecoverError
from physai.data_pipeline.capture.folder import episodes, next_index, note_index
from physai.data_pipeline.capture.open_episode import OpenEpisode
from physai.data_pipeline.capture.recover import recover
from physai.data_pipeline.capture.sample import Sample
from physai.data_pipeline.capture.source import Channel
from physai.data_pipeline.tests.capture_files import first_joint
from physai.data_pipeline.tests.convert_recordings import START_NS, STORE, joints
from physai.infrastructure.contracts import RecordingConfig, TopicRule
from physai.infrastructure.ros2.definitions import Definitions

TOPIC, TYPE = "/joint_states", "sensor_msgs/msg/JointState"
ROWS = 30
FLUSHED = 10  # rows a chunk
PERIOD_NS = 10**8


def open_episode(folder: Path) -> OpenEpisode:
    """An episode of ROWS messages, in chunks of FLUSHED rows; joint 0 tells the row."""
    definitions = Definitions()
    config = RecordingConfig(
        robots=("arm",),
        task="t",
        rate_hz=10,
        output="x",
        topics=(TopicRule(topic=TOPIC, type=TYPE, rate_hz=10),),
        chunk_s=FLUSHED * PERIOD_NS / 1e9,
    )
    episode = OpenEpisode(
        folder,
        0,
        config,
        {TOPIC: Channel(TYPE, definitions.text(TYPE), has_header=True)},
        operator="kim",
        note="n",
        started_ns=START_NS,
        started_by="key r",
        lost={},
    )
    for row in range(ROWS):
        stamp = START_NS + row * PERIOD_NS
        data = bytes(STORE.serialize_cdr(joints(stamp, [row, 0, 0]), TYPE))
        episode.write(Sample(TOPIC, data, stamp, stamp))
        episode.tick(stamp + PERIOD_NS)
    return episode


@pytest.fixture(scope="module")
def torn(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file of a recorder that was killed after all rows."""
    folder = tmp_path_factory.mktemp("torn")
    episode = open_episode(folder)
    content = (folder / ".episode-000000.mcap.part").read_bytes()
    episode.close("success", "test", START_NS, {})
    return content


@pytest.fixture
def folder(tmp_path: Path, torn: bytes) -> Path:
    (tmp_path / ".episode-000000.mcap.part").write_bytes(torn)
    return tmp_path


def test_all_whole_chunks_of_a_torn_file_become_an_interrupted_episode(folder: Path) -> None:
    assert recover(folder).saved == ("episode-000000.mcap",)
    (sidecar,) = episodes(folder)
    assert first_joint(folder / sidecar.file) == list(range(ROWS))
    assert (sidecar.outcome, sidecar.generator, sidecar.note) == ("interrupted", "kim", "n")
    assert (sidecar.started_by, sidecar.stopped_by) == ("key r", "the end of the recorder")
    assert sidecar.duration_s == pytest.approx((ROWS - 1) * 0.1)
    assert [finding.what for finding in sidecar.findings] == ["torn"]
    assert sorted(path.name for path in folder.iterdir()) == [".lock", "episode-000000.json", "episode-000000.mcap"]
    again = recover(folder)
    assert (again.saved, again.vouched, again.empty) == ((), (), ())


@given(cut=st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_wherever_a_file_is_cut_whole_chunks_are_kept_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, torn: bytes, cut: float
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    (folder / ".episode-000000.mcap.part").write_bytes(torn[: int(cut * len(torn))])
    report = recover(folder)
    assert len(report.saved) + len(report.empty) == 1
    kept = [first_joint(folder / sidecar.file) for sidecar in episodes(folder)]
    assert kept in ([], [list(range(10))], [list(range(20))], [list(range(30))])
    assert not list(folder.glob(".episode-*"))


def test_a_recovery_that_was_killed_itself_begins_again(folder: Path) -> None:
    (folder / ".episode-000000.mcap.part").rename(folder / ".episode-000000.mcap.torn")
    (folder / ".episode-000000.mcap.part").write_bytes(b"\x89MCAP0\r\nhalf of a copy")
    assert recover(folder).saved == ("episode-000000.mcap",)
    assert first_joint(folder / "episode-000000.mcap") == list(range(ROWS))


def test_a_recovery_that_was_killed_at_its_end_is_finished(folder: Path) -> None:
    recover(folder)
    (folder / "episode-000000.json").unlink()
    shutil.copy(folder / "episode-000000.mcap", folder / ".episode-000000.mcap.torn")
    assert recover(folder).saved == ("episode-000000.mcap",)
    assert episodes(folder)[0].outcome == "interrupted"
    assert not list(folder.glob(".episode-*"))


def test_a_whole_file_whose_sidecar_is_missing_gets_the_very_same(tmp_path: Path) -> None:
    told = open_episode(tmp_path).close("failure", "key f", START_NS + 10**9, {})
    (tmp_path / "episode-000000.json").unlink()
    assert recover(tmp_path).vouched == ("episode-000000.mcap",)
    assert episodes(tmp_path) == [told]


def test_half_a_sidecar_is_swept_up_and_written_again(tmp_path: Path) -> None:
    told = open_episode(tmp_path).close("failure", "key f", START_NS + 10**9, {})
    sidecar = tmp_path / "episode-000000.json"
    sidecar.rename(tmp_path / ".episode-000000.json.4711-4711.part")
    assert recover(tmp_path).vouched == ("episode-000000.mcap",)
    assert episodes(tmp_path) == [told]
    assert list(tmp_path.glob(".episode-*")) == []


def test_the_number_of_an_episode_that_was_sent_away_is_not_given_again(tmp_path: Path) -> None:
    note_index(tmp_path, 6)
    assert next_index(tmp_path) == 7
    (tmp_path / "episode-000008.mcap").touch()
    assert next_index(tmp_path) == 9


def test_a_file_without_a_chunk_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / ".episode-000004.mcap.part").write_bytes(b"\x89MCAP0\r\n")
    assert next_index(tmp_path) == 5
    assert recover(tmp_path).empty == ("episode-000004.mcap",)
    assert list(tmp_path.glob("*.mcap")) == []


def test_a_disk_without_room_keeps_the_torn_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("physai.data_pipeline.capture.recorder.os.fsync", full)
        with pytest.raises(RecoverError, match="No space left on device"):
            recover(folder)
    assert recover(folder).saved == ("episode-000000.mcap",)
