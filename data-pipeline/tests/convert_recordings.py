"""Writes tiny real recordings: MCAP with ROS 2 CDR, and their sidecars."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from mcap.writer import Writer
from numpy.typing import NDArray
from PIL import Image
from rosbags.typesys import Stores, get_typestore

from physai.infrastructure.contracts import RawEpisode, digest_file

STORE = get_typestore(Stores.ROS2_HUMBLE)
TYPES = STORE.types
JOINTS = ["shoulder", "elbow", "wrist"]
START_NS = 1_700_000_000_000_000_000

Message = tuple[str, int, Any]
"""Topic, header time in ns, message."""


def header(stamp_ns: int) -> Any:
    stamp = TYPES["builtin_interfaces/msg/Time"](sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)
    return TYPES["std_msgs/msg/Header"](stamp=stamp, frame_id="base")


def joints(stamp_ns: int, position: list[float], names: list[str] = JOINTS, *, velocity: bool = True) -> Any:
    return TYPES["sensor_msgs/msg/JointState"](
        header=header(stamp_ns),
        name=names,
        position=np.array(position, dtype=np.float64),
        velocity=np.array(position if velocity else [], dtype=np.float64) * 10,
        effort=np.array([], dtype=np.float64),
    )


def pose(stamp_ns: int, x: float) -> Any:
    point = TYPES["geometry_msgs/msg/Point"](x=x, y=0.2, z=0.3)
    turn = TYPES["geometry_msgs/msg/Quaternion"](x=0.0, y=0.0, z=0.6, w=0.8)
    return TYPES["geometry_msgs/msg/PoseStamped"](
        header=header(stamp_ns), pose=TYPES["geometry_msgs/msg/Pose"](position=point, orientation=turn)
    )


def image(stamp_ns: int, level: int, size: int = 64) -> Any:
    buffer = BytesIO()
    Image.fromarray(np.full((size, size, 3), level, np.uint8)).save(buffer, "JPEG", quality=95)
    data: NDArray[np.uint8] = np.frombuffer(buffer.getvalue(), dtype=np.uint8)
    return TYPES["sensor_msgs/msg/CompressedImage"](header=header(stamp_ns), format="jpeg", data=data)


def outcome(text: str) -> Any:
    return TYPES["std_msgs/msg/String"](data=text)


@dataclass(frozen=True)
class Tape:
    """An episode to be written; each row has every topic at the same header time."""

    rows: int = 12
    rate_hz: float = 20.0
    camera: str | None = "top"
    outcome: str = "success"
    seed: int = 0
    damage: Callable[[list[Message]], list[Message]] = field(default=lambda messages: messages)
    """Changes the messages before they are written."""

    def messages(self) -> list[Message]:
        """Row r holds position r + (0, .1, .2), command r + 1, target x = seed, image level 10 r."""
        found: list[Message] = []
        for row in range(self.rows):
            stamp = START_NS + round(row * 1e9 / self.rate_hz)
            found.append(("/joint_states", stamp, joints(stamp, [row, row + 0.1, row + 0.2])))
            found.append(("/target_pose", stamp, pose(stamp, float(self.seed))))
            found.append(("/joint_command", stamp, joints(stamp, [row + 1.0] * 3)))
            if self.camera:
                found.append((f"/camera/{self.camera}/image/compressed", stamp, image(stamp, 10 * row)))
        found.append(("/episode/outcome", found[-1][1], outcome(self.outcome)))
        return self.damage(found)

    def but(self, **changes: Any) -> "Tape":
        return replace(self, **changes)


def write_mcap(
    path: Path,
    messages: list[Message],
    encoding: str = "ros2msg",
    define: Callable[[str], str] = lambda definition: definition,
    store: Any = STORE,
) -> None:
    """Write messages; `define` changes the definitions of their types."""
    with path.open("wb") as file:
        writer = Writer(file)
        writer.start(profile="ros2", library="test")
        channels: dict[str, int] = {}
        for topic, stamp_ns, message in messages:
            if topic not in channels:
                definition, _ = store.generate_msgdef(message.__msgtype__, ros_version=2)
                schema = writer.register_schema(message.__msgtype__, encoding, define(definition).encode())
                channels[topic] = writer.register_channel(topic, "cdr", schema)
            data = bytes(store.serialize_cdr(message, message.__msgtype__))
            writer.add_message(channels[topic], stamp_ns, data, stamp_ns)
        writer.finish()


def write_episode(folder: Path, index: int, tape: Tape, **sidecar: Any) -> Path:
    """Write one recording with its sidecar; returns the path of the MCAP."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"episode-{index:06d}.mcap"
    messages = tape.messages()
    write_mcap(path, messages)
    write_sidecar(path, messages, tape, **sidecar)
    return path


def write_sidecar(path: Path, written: list[Message], tape: Tape, **sidecar: Any) -> None:
    topics = [topic for topic, _, _ in written]
    facts: dict[str, Any] = {
        "file": path.name,
        "content": digest_file(path),
        "task": "Reach",
        "robot": "arm",
        "world": "nominal",
        "generator": "expert",
        "seed": tape.seed,
        "outcome": tape.outcome,
        "started_at": datetime(2025, 1, 1, tzinfo=UTC),
        "duration_s": tape.rows / tape.rate_hz,
        "rate_hz": tape.rate_hz,
        "messages": {topic: topics.count(topic) for topic in dict.fromkeys(topics)},
    }
    RawEpisode(**{**facts, **sidecar}).write(path.with_suffix(".json"))
