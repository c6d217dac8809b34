"""A recording is recorded again: the whole recorder without a robot."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mcap.writer import Writer as McapWriter
from rosbags.rosbag2 import StoragePlugin, Writer

from physai.data_pipeline.capture import messages
from physai.data_pipeline.capture.errors import OtherTypeError, PlaybackError, UnavailableError
from physai.data_pipeline.capture.folder import episodes
from physai.data_pipeline.capture.listeners import listening
from physai.data_pipeline.capture.live import LiveRecorder, LiveReport
from physai.data_pipeline.capture.playback import Playback
from physai.data_pipeline.tests.capture_files import first_joint
from physai.data_pipeline.tests.convert_recordings import Tape, write_mcap
from physai.infrastructure.contracts import RecordingConfig, ServiceTrigger, TimerTrigger, TopicRule
from physai.infrastructure.errors import MissingFileError
from physai.infrastructure.ros2.definitions import Definitions
from physai.infrastructure.ros2.errors import UnknownTypeError

TYPE = "sensor_msgs/msg/JointState"
BEGIN = 1_700_000_000 * 10**9
DEFINITIONS = Definitions()


def planned(**changes: Any) -> RecordingConfig:
    facts: dict[str, Any] = {
        "robots": ("arm",),
        "task": "t",
        "rate_hz": 10,
        "output": "x",
        "topics": (TopicRule(topic="/joint_states", type=TYPE, rate_hz=100),),
        "min_free_gb": 0.0,
    }
    return RecordingConfig(**{**facts, **changes})


def play(path: Path, folder: Path, config: RecordingConfig, speed: float = 0) -> LiveReport:
    topics = {rule.topic: rule.type for rule in config.topics}
    return LiveRecorder(config, Playback(path, DEFINITIONS, topics, speed=speed), folder, DEFINITIONS).run()


def write_bag(path: Path, plugin: StoragePlugin) -> Path:
    """200 joint states in 2 s; joint 0 tells which."""
    with Writer(path, version=9, storage_plugin=plugin) as writer:
        store = DEFINITIONS._store
        connection = writer.add_connection("/joint_states", TYPE, typestore=store)
        for row in range(200):
            stamp = BEGIN + row * 10_000_000
            said = messages.joint_state(stamp, ("a",), np.array([row], np.float32), None)
            writer.write(connection, stamp, messages.serialize(said))
    return path


@pytest.mark.parametrize("plugin", [StoragePlugin.MCAP, StoragePlugin.SQLITE3])
def test_a_rosbag2_is_recorded_as_it_was(tmp_path: Path, plugin: StoragePlugin) -> None:
    report = play(write_bag(tmp_path / "bag", plugin), tmp_path / "out", planned())
    (sidecar,) = episodes(tmp_path / "out")
    assert report.stopped_by == "the end of the source"
    assert (report.lost, sidecar.topics["/joint_states"].lost) == (0, 0)
    assert first_joint(tmp_path / "out" / sidecar.file) == list(range(200))
    assert sidecar.duration_s == pytest.approx(1.99)
    assert sidecar.findings == ()


def test_time_in_a_playback_is_that_of_the_recording(tmp_path: Path) -> None:
    stop = (TimerTrigger(kind="timer", after_s=0.5),)
    play(write_bag(tmp_path / "bag", StoragePlugin.MCAP), tmp_path / "out", planned(stop=stop), speed=20)
    found = episodes(tmp_path / "out")
    assert 2 <= len(found) <= 4  # 2 s of recording, each at least 0.5 s; a step of the recorder is 1 s at this speed
    assert all(sidecar.duration_s >= 0.5 for sidecar in found[:-1])


def test_a_playback_waits_for_room_rather_than_drop(tmp_path: Path) -> None:
    report = play(write_bag(tmp_path / "bag", StoragePlugin.MCAP), tmp_path / "out", planned(queue_mb=0.001))
    assert (report.messages, report.dropped) == (200, 0)


def test_a_plain_mcap_is_played_by_its_own_definitions(tmp_path: Path) -> None:
    write_mcap(tmp_path / "one.mcap", Tape(rows=12).messages())
    config = planned(topics=(TopicRule(topic="/joint_states", type=TYPE), TopicRule(topic="/lidar", type=TYPE)))
    report = play(tmp_path / "one.mcap", tmp_path / "out", config)
    (sidecar,) = episodes(tmp_path / "out")
    assert report.messages == 12
    assert [(finding.topic, finding.what) for finding in sidecar.findings] == [("/lidar", "silent")]


def test_another_type_than_the_config_says_is_named(tmp_path: Path) -> None:
    write_mcap(tmp_path / "one.mcap", Tape(rows=2).messages())
    config = planned(topics=(TopicRule(topic="/target_pose", type=TYPE),))
    with pytest.raises(OtherTypeError, match=r"/target_pose is of type geometry_msgs/msg/PoseStamped, the config says"):
        play(tmp_path / "one.mcap", tmp_path / "out", config)


def test_a_type_that_neither_the_recording_nor_ros_defines_is_named(tmp_path: Path) -> None:
    with (tmp_path / "one.mcap").open("wb") as file:
        writer = McapWriter(file)
        writer.start(profile="ros2", library="test")
        schema = writer.register_schema("lab_msgs/msg/Grip", "", b"")
        writer.add_message(writer.register_channel("/grip", "cdr", schema), 1, b"\0\1\0\0", 1)
        writer.finish()
    config = planned(topics=(TopicRule(topic="/grip", type="lab_msgs/msg/Grip"),))
    with pytest.raises(UnknownTypeError, match=r"one\.mcap: /grip: type 'lab_msgs/msg/Grip' is unknown"):
        play(tmp_path / "one.mcap", tmp_path / "out", config)


@pytest.mark.parametrize("keep", [0, 100, -30])
def test_a_torn_recording_is_named(tmp_path: Path, keep: int) -> None:
    write_mcap(tmp_path / "one.mcap", Tape(rows=12).messages())
    (tmp_path / "one.mcap").write_bytes((tmp_path / "one.mcap").read_bytes()[:keep])
    with pytest.raises(PlaybackError, match=r"one\.mcap: cannot be played"):
        play(tmp_path / "one.mcap", tmp_path / "out", planned())


def test_a_recording_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"nowhere\.mcap: no recording here"):
        play(tmp_path / "nowhere.mcap", tmp_path / "out", planned())


def test_a_playback_answers_no_calls(tmp_path: Path) -> None:
    config = planned(start=(ServiceTrigger(kind="service", service="/go"),))
    source = Playback(write_bag(tmp_path / "bag", StoragePlugin.MCAP), DEFINITIONS, {"/joint_states": TYPE})
    recorder = LiveRecorder(config, source, tmp_path / "out", DEFINITIONS)
    with pytest.raises(UnavailableError, match="service /go: needs a robot"), listening(recorder.switch, source):
        pass
    source.close()
