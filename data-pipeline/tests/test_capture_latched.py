"""What was said before an episode and still holds is in it."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from mcap.reader import make_reader

from physai.data_pipeline.capture.dds.source import DdsSource
from physai.data_pipeline.capture.folder import episodes
from physai.data_pipeline.capture.latched import Latched
from physai.data_pipeline.capture.live import LiveRecorder
from physai.data_pipeline.capture.sample import Sample
from physai.data_pipeline.tests.capture_robot import DOMAIN, LOOPBACK
from physai.infrastructure.contracts import RecordingConfig, TimerTrigger, TopicRule, TopicTrigger
from physai.infrastructure.ros2.definitions import Definitions
from physai.infrastructure.ros2.publisher import Publisher
from physai.infrastructure.ros2.sequences import monitored

TF, TFS = "/tf_static", "tf2_msgs/msg/TFMessage"
NAME, NAMES = "/robot_description", "std_msgs/msg/String"
GO, GOES = "/go", "std_msgs/msg/Bool"
ROS = Definitions()
CONFIG = RecordingConfig(
    robots=("arm",),
    task="t",
    rate_hz=10,
    output="x",
    min_free_gb=0,
    topics=(
        TopicRule(topic=TF, type=TFS, latched=True),
        TopicRule(topic=NAME, type=NAMES, latched=True),
        TopicRule(topic=GO, type=GOES),
    ),
    start=(TopicTrigger(kind="topic", topic=GO, field="data", at_least=1),),
    stop=(TimerTrigger(kind="timer", after_s=0.2),),
)


def frames(*children: str, x: float = 0.0) -> Any:
    """Static transforms to some frames, of a minute ago."""
    stamp = ROS.build("builtin_interfaces/msg/Time", sec=int(time.time()) - 60, nanosec=0)
    still = ROS.build("geometry_msgs/msg/Quaternion", x=0.0, y=0.0, z=0.0, w=1.0)
    at = ROS.build("geometry_msgs/msg/Vector3", x=x, y=0.0, z=0.0)
    return ROS.build(
        TFS,
        transforms=[
            ROS.build(
                "geometry_msgs/msg/TransformStamped",
                header=ROS.build("std_msgs/msg/Header", stamp=stamp, frame_id="base_link"),
                child_frame_id=child,
                transform=ROS.build("geometry_msgs/msg/Transform", translation=at, rotation=still),
            )
            for child in children
        ],
    )


def said(topic: str, message: Any, publisher: int, log_ns: int) -> Sample:
    return Sample(topic, ROS.encode(message), log_ns, log_ns, publisher)


def test_the_newest_of_each_frame_and_of_each_publisher_is_kept() -> None:
    latched = Latched(CONFIG, ROS)
    old, both, gripper = frames("camera", x=1.0), frames("camera", "lidar", x=2.0), frames("gripper")
    for number, (topic, message, publisher) in enumerate(
        [
            (TF, old, 1),
            (TF, gripper, 2),
            (TF, both, 3),  # the publisher of the camera was started anew
            (NAME, ROS.build(NAMES, data="old"), 1),
            (NAME, ROS.build(NAMES, data="other"), 2),
            (NAME, ROS.build(NAMES, data="new"), 1),
            (GO, ROS.build(GOES, data=True), 1),
        ]
    ):
        latched.keep(said(topic, message, publisher, number))
    assert [sample.log_ns for sample in latched.samples] == [1, 2, 4, 5]


def test_a_damaged_message_is_no_transform_and_stops_nothing() -> None:
    latched = Latched(CONFIG, ROS)
    latched.keep(said(TF, frames("camera"), 1, 0))
    latched.keep(Sample(TF, ROS.encode(frames("lidar"))[:30], 1, 1, 1))
    assert [sample.log_ns for sample in latched.samples] == [0]


def test_every_episode_begins_with_what_was_latched_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYCLONEDDS_URI", LOOPBACK)
    domain = DOMAIN + 5
    assert monitored(domain) is not None  # what makes a domain decides whether losses are counted
    arm = Publisher({TF: TFS, NAME: NAMES}, ROS, domain, depth=1, latched=(TF, NAME))
    gripper = Publisher({TF: TFS}, ROS, domain, depth=1, latched=(TF,))
    arm.publish(TF, frames("camera"))
    arm.publish(NAME, ROS.build(NAMES, data="<robot/>"))
    gripper.publish(TF, frames("gripper"))
    button = Publisher({GO: GOES}, ROS, domain)
    source = DdsSource(CONFIG.topics, ROS, domain)
    recorder = LiveRecorder(CONFIG, source, tmp_path, ROS, max_episodes=2)
    thread = threading.Thread(target=recorder.run)
    thread.start()
    try:
        assert button.wait_for_subscribers(30)
        until = time.monotonic() + 60
        while thread.is_alive() and time.monotonic() < until:
            for pressed in (False, True):
                button.publish(GO, ROS.build(GOES, data=pressed))
                time.sleep(0.15)
    finally:
        recorder.stop.set()
        thread.join()
    found = episodes(tmp_path)
    assert len(found) == 2
    for sidecar in found:
        with (tmp_path / sidecar.file).open("rb") as file:
            messages = list(make_reader(file).iter_messages(log_time_order=False))
        assert [channel.topic for _, channel, _ in messages].count(TF) == 2
        assert sidecar.messages[NAME] == 1
        assert {message.log_time for _, channel, message in messages if channel.topic in (TF, NAME)} == {
            min(message.log_time for _, _, message in messages)
        }
        children = [
            ROS.decode(TFS, message.data).transforms[0].child_frame_id
            for _, channel, message in messages
            if channel.topic == TF
        ]
        assert sorted(children) == ["camera", "gripper"]
        assert sidecar.findings == ()
        assert sidecar.topics[TF].clock_offset_s is None
        assert {topic.lost for topic in sidecar.topics.values()} == {0}
