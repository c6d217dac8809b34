"""A recording holds what a rollout held, and readers that are not ours can read it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcap.reader import make_reader
from PIL import Image
from rosbags.highlevel import AnyReader

from physai.data_pipeline.capture import episode as episode_module
from physai.data_pipeline.capture.episode import EPOCH, stamp_ns, write_episode
from physai.data_pipeline.convert.convert import convert
from physai.data_pipeline.tests.capture_rollouts import rollout, source
from physai.infrastructure.contracts import RawEpisode, digest_file
from physai.infrastructure.datasets import Dataset

EPOCH_NS = 1_735_689_600 * 10**9  # date -u -d 2025-01-01 +%s
IMAGES = "/camera/front/image/compressed"


def read(path: Path) -> list[tuple[str, int, Any]]:
    """Topic, log time in ns and message, by rosbags' own MCAP reader and the definitions in the file."""
    with AnyReader([path]) as reader:
        return [
            (connection.topic, stamp, reader.deserialize(data, connection.msgtype))
            for connection, stamp, data in reader.messages()
        ]


def test_an_independent_reader_finds_every_row(tmp_path: Path) -> None:
    write_episode(tmp_path, 2, rollout(), source())
    said = read(tmp_path / "episode-000002.mcap")
    states = [message for topic, _, message in said if topic == "/joint_states"]
    commands = [message for topic, _, message in said if topic == "/joint_command"]
    assert [list(message.position) for message in states] == [[0, 0.5], [1, 1.5], [2, 2.5], [3, 3.5]]
    assert list(states[1].velocity) == [10, 15]
    assert list(states[0].name) == ["shoulder", "elbow"]
    assert [list(message.position) for message in commands] == [[1, 1.5], [2, 2.5], [3, 3.5], [4, 4.5]]
    assert len(commands[0].velocity) == 0
    pose = next(message for topic, _, message in said if topic == "/target_pose")
    assert pose.header.frame_id == "base_link"
    assert (pose.pose.position.x, pose.pose.position.z, pose.pose.orientation.w) == pytest.approx((0.25, 0.75, 0.8))
    assert [message.data for topic, _, message in said if topic == "/episode/outcome"] == ["success"]


def test_pictures_are_jpegs_of_their_row(tmp_path: Path) -> None:
    write_episode(tmp_path, 0, rollout(), source())
    pictures = [message for topic, _, message in read(tmp_path / "episode-000000.mcap") if topic == IMAGES]
    assert [picture.format for picture in pictures] == ["jpeg"] * 4
    path = tmp_path / "picture.jpg"
    path.write_bytes(pictures[3].data.tobytes())
    with Image.open(path) as image:
        assert image.size == (64, 64)
        assert np.asarray(image).mean() == pytest.approx(60, abs=2)


def test_a_command_is_stamped_like_the_state_it_answers(tmp_path: Path) -> None:
    """Rows are 1/30 s apart: 0, 33 333 333, 66 666 667, 100 000 000 ns; episode 1 starts a minute after the epoch."""
    write_episode(tmp_path, 1, rollout(), source())
    stamps: dict[str, list[int]] = {}
    for topic, log_ns, message in read(tmp_path / "episode-000001.mcap"):
        if topic != "/episode/outcome":
            header_ns = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
            assert header_ns == log_ns
            stamps.setdefault(topic, []).append(header_ns)
    start = EPOCH_NS + 60 * 10**9
    expected = [start, start + 33_333_333, start + 66_666_667, start + 100_000_000]
    assert stamps == dict.fromkeys(["/joint_states", "/target_pose", IMAGES, "/joint_command"], expected)


@given(row=st.integers(0, 100_000))
def test_stamps_stay_on_the_grid_of_the_rate(row: int) -> None:
    """Rounded to the nanosecond each by itself, so that errors do not add up."""
    assert abs((stamp_ns(EPOCH, row, 30.0) - EPOCH_NS) * 30 - row * 10**9) <= 15 + row * 1e-6


def test_the_sidecar_vouches_for_its_recording(tmp_path: Path) -> None:
    sidecar = write_episode(tmp_path, 0, rollout(success=False), source())
    assert RawEpisode.read(tmp_path / "episode-000000.json") == sidecar
    assert sidecar.content == digest_file(tmp_path / "episode-000000.mcap")
    assert (sidecar.outcome, sidecar.generator, sidecar.seed) == ("failure", "expert", 7)
    assert sidecar.duration_s == pytest.approx(4 / 30)
    rows = dict.fromkeys(["/joint_states", "/target_pose", IMAGES, "/joint_command"], 4)
    assert sidecar.messages == {**rows, "/episode/outcome": 1}


def test_the_file_itself_tells_what_it_is(tmp_path: Path) -> None:
    write_episode(tmp_path, 3, rollout(), source())
    with (tmp_path / "episode-000003.mcap").open("rb") as file:
        reader = make_reader(file, validate_crcs=True)
        assert reader.get_header().profile == "ros2"
        (facts,) = (record.metadata for record in reader.iter_metadata())
        summary = reader.get_summary()
    assert summary is not None
    assert {schema.encoding for schema in summary.schemas.values()} == {"ros2msg"}
    assert {channel.message_encoding for channel in summary.channels.values()} == {"cdr"}
    assert (facts["condition"], facts["success_row"], facts["world"]) == ("3", "2", "nominal")


def test_the_same_rollout_is_the_same_bytes(tmp_path: Path) -> None:
    one, other = (write_episode(tmp_path / name, 0, rollout(), source()) for name in ("one", "other"))
    assert one.content == other.content


@pytest.fixture(autouse=True)
def folders(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()


def test_without_a_camera_there_are_no_pictures(tmp_path: Path) -> None:
    sidecar = write_episode(tmp_path, 0, rollout(images=False), source(camera=None))
    assert IMAGES not in sidecar.messages


def test_a_failure_while_writing_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(*_: object) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(episode_module.messages, "serialize", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_episode(tmp_path / "one", 0, rollout(), source())
    assert not list((tmp_path / "one").iterdir())


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows=st.integers(2, 40), images=st.booleans(), success=st.booleans(), data=st.data())
def test_what_was_recorded_comes_out_of_the_dataset(
    tmp_path_factory: pytest.TempPathFactory, rows: int, images: bool, success: bool, data: st.DataObject
) -> None:
    """The whole way: rollout, MCAP, LeRobot dataset; numbers to the last bit."""
    folder = tmp_path_factory.mktemp("round")
    numbers = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    made = rollout(rows, success=success, images=images)
    made.observations["observation.state"][:] = numbers.normal(size=(rows, 2))
    made.actions[:] = numbers.normal(size=(rows, 2))
    (folder / "episodes").mkdir()
    write_episode(folder / "episodes", 0, made, source("front" if images else None))
    convert(folder / "episodes", folder / "dataset")
    columns = Dataset(folder / "dataset").episode(0)
    assert np.array_equal(columns["observation.state"], made.observations["observation.state"])
    assert np.array_equal(columns["observation.environment_state"], made.observations["observation.environment_state"])
    assert np.array_equal(columns["action"], made.actions)
