"""A robot of another process, which speaks over real DDS on the loopback interface."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from physai.data_pipeline.capture import messages
from physai.infrastructure.contracts import RecordingConfig, TimerTrigger, TopicRule, TopicTrigger
from physai.infrastructure.ros2.definitions import Definitions

LOOPBACK = (
    '<CycloneDDS><Domain id="any"><General><Interfaces><NetworkInterface name="lo" multicast="false"/></Interfaces>'
    "<AllowMulticast>false</AllowMulticast></General><Discovery><ParticipantIndex>auto</ParticipantIndex>"
    '<MaxAutoParticipantIndex>60</MaxAutoParticipantIndex><Peers><Peer Address="127.0.0.1"/></Peers></Discovery>'
    "<Internal><Watermarks><WhcHigh>100 MB</WhcHigh></Watermarks></Internal>"  # else it waits for a killed recorder
    "</Domain></CycloneDDS>"
)
DOMAIN = 1 + os.getpid() % 100
RATE_HZ = 50.0
TYPES = {
    "/joint_states": "sensor_msgs/msg/JointState",
    "/joint_command": "sensor_msgs/msg/JointState",
    "/target_pose": "geometry_msgs/msg/PoseStamped",
    "/camera/front/image/compressed": "sensor_msgs/msg/CompressedImage",
}
JOINTS = ("shoulder", "elbow")
PROCESSES = get_context("forkserver")
PROCESSES.set_forkserver_preload(
    [
        "physai.infrastructure.ros2.publisher",
        "physai.data_pipeline.capture.live",
        "physai.data_pipeline.tests.capture_robot",
    ]
)


def config(**changes: Any) -> RecordingConfig:
    """All topics of the robot; an episode of 0.2 s each time that joint 1 rises."""
    facts: dict[str, Any] = {
        "robots": ("arm",),
        "task": "Reach",
        "rate_hz": RATE_HZ,
        "output": "unused",
        "topics": tuple(TopicRule(topic=topic, type=name, rate_hz=RATE_HZ) for topic, name in TYPES.items()),
        "start": (TopicTrigger(kind="topic", topic="/joint_states", field="position[1]", at_least=0.5),),
        "stop": (TimerTrigger(kind="timer", after_s=0.2),),
        "min_free_gb": 0.0,
        "chunk_s": 0.1,
    }
    return RecordingConfig(**{**facts, **changes})


def speak(domain: int, *, reliable: bool = True, silent_after: dict[str, int] | None = None) -> None:
    """Say row t of every topic: joint 0 is at t, joint 1 up in each 12th row. A topic may fall silent after so many."""
    os.environ["CYCLONEDDS_URI"] = LOOPBACK
    from physai.infrastructure.ros2.publisher import Publisher

    publisher = Publisher(TYPES, Definitions(), domain, reliable=reliable)
    picture = np.full((64, 64, 3), 99, np.uint8)
    begun_ns, row = time.time_ns(), 0
    while True:
        stamp = begun_ns + round(row * 1e9 / RATE_HZ)
        time.sleep(max(0.0, (stamp - time.time_ns()) / 1e9))
        joints = np.array([row, row % 12 == 0], np.float32)
        said = {
            "/joint_states": messages.joint_state(stamp, JOINTS, joints, joints),
            "/joint_command": messages.joint_state(stamp, JOINTS, joints + 1, None),
            "/target_pose": messages.target_pose(stamp, np.array([0.1, 0.2, 0.3, 0, 0, 0, 1], np.float32)),
            "/camera/front/image/compressed": messages.compressed_image(stamp, "front", picture),
        }
        for topic, message in said.items():
            if row < (silent_after or {}).get(topic, sys.maxsize):
                publisher.publish(topic, message)
        row += 1


def hear(topic: str, type_name: str, domain: int, pipe: Connection) -> None:
    """Listen to a topic until told to stop, and only then ask how much was lost."""
    os.environ["CYCLONEDDS_URI"] = LOOPBACK
    from physai.data_pipeline.capture.buffer import Buffer
    from physai.data_pipeline.capture.dds.source import DdsSource

    buffer = Buffer(10**9)
    source = DdsSource([TopicRule(topic=topic, type=type_name, rate_hz=100.0)], Definitions(), domain)
    source.start(buffer)
    pipe.send("ready")
    pipe.recv()
    source.finish()
    while not source.ended:
        time.sleep(0.01)
    samples, _ = buffer.take(0.0)
    pipe.send((len(samples), source.health().lost))
    source.close()


def record(folder: str, domain: int) -> None:
    """A recorder, until it is killed."""
    os.environ["CYCLONEDDS_URI"] = LOOPBACK
    from physai.data_pipeline.capture.dds.source import DdsSource
    from physai.data_pipeline.capture.live import LiveRecorder

    definitions, planned = Definitions(), config()
    source = DdsSource(planned.topics, definitions, domain)
    LiveRecorder(planned, source, Path(folder), definitions).run()


@contextmanager
def robot(domain: int = DOMAIN, **options: Any) -> Iterator[Any]:
    """A process that speaks for as long as the block lasts."""
    process = PROCESSES.Process(target=speak, args=(domain,), kwargs=options, daemon=True)
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()
