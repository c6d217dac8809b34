"""One recording in memory: joints, poses and images with their header times."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .errors import ClockError, ImageError, JointsError, MissingTopicError, NotFiniteError, UndefinedTypeError
from .messages import read_messages

STATE = "/joint_states"
TARGET = "/target_pose"
COMMAND = "/joint_command"
OUTCOME = "/episode/outcome"
CAMERA_PREFIX, CAMERA_SUFFIX = "/camera/", "/image/compressed"

JOINT_STATE = "sensor_msgs/msg/JointState"
POSE = "geometry_msgs/msg/PoseStamped"
IMAGE = "sensor_msgs/msg/CompressedImage"


@dataclass(frozen=True)
class Stream:
    """What was said on one topic."""

    topic: str
    stamps_ns: NDArray[np.int64]
    """Header times, shape (N,), ascending."""
    messages: tuple[Any, ...]
    """In the order of the file."""


@dataclass(frozen=True)
class Joints:
    """What was said about joints."""

    names: list[str]
    position: NDArray[np.float32]
    """Shape (N, joints), rad."""
    velocity: NDArray[np.float32]
    """Shape (N, joints), rad/s; (N, 0) if not recorded."""


class Recording:
    """One recording in memory."""

    def __init__(self, path: Path) -> None:
        """Read and decode the topics that a dataset is made of.

        Raises:
            TornRecordingError: If the file is not whole.
            UndefinedTypeError: If a type of a topic in use cannot be read.
            ClockError: If header time goes back on a topic.
        """
        self.path = path
        messages: dict[str, list[Any]] = {}
        for topic, message in read_messages(path, _is_wanted):
            messages.setdefault(topic, []).append(message)
        self._streams = {topic: self._stream(topic, found) for topic, found in messages.items() if topic != OUTCOME}
        self._outcomes = messages.get(OUTCOME, [])

    @property
    def cameras(self) -> list[str]:
        """Names of the cameras, sorted."""
        topics = filter(_is_camera, self._streams)
        return sorted(topic.removeprefix(CAMERA_PREFIX).removesuffix(CAMERA_SUFFIX) for topic in topics)

    @property
    def messages(self) -> dict[str, int]:
        """Topic → number of messages, for the topics with a header."""
        return {topic: len(stream.messages) for topic, stream in self._streams.items()}

    @property
    def outcome(self) -> str | None:
        """Outcome told in the recording itself; None if it tells none."""
        return str(self._outcomes[-1].data) if self._outcomes else None

    def stream(self, topic: str, type_name: str) -> Stream:
        """Everything said on a topic.

        Raises:
            MissingTopicError: If nothing was.
            UndefinedTypeError: If its messages are of another type.
        """
        if topic not in self._streams:
            raise MissingTopicError(self.path, topic, list(self._streams))
        stream = self._streams[topic]
        found = stream.messages[0].__msgtype__
        if found != type_name:
            raise UndefinedTypeError(self.path, topic, found, f"expected {type_name}")
        return stream

    def joints(self, topic: str) -> Joints:
        """Names, positions and velocities said on a topic.

        Raises:
            JointsError: If names or their order change, or there are not as many values as names.
            NotFiniteError: If a value is NaN or infinite.
        """
        messages = self.stream(topic, JOINT_STATE).messages
        names = list(messages[0].name)
        for message in messages:
            if list(message.name) != names or len(message.position) != len(names):
                raise JointsError(self.path, topic, list(message.name), names)
        has_velocity = all(len(message.velocity) == len(names) for message in messages)
        position = self._finite(topic, [message.position for message in messages])
        velocity = self._finite(topic, [message.velocity if has_velocity else [] for message in messages])
        return Joints(names, position, velocity)

    def poses(self, topic: str) -> NDArray[np.float32]:
        """Poses said on a topic: x, y, z in m, quaternion x, y, z, w; shape (N, 7).

        Raises:
            NotFiniteError: If a value is NaN or infinite.
        """
        poses = [message.pose for message in self.stream(topic, POSE).messages]
        values = [(*_numbers(p.position, "xyz"), *_numbers(p.orientation, "xyzw")) for p in poses]
        return self._finite(topic, values)

    def images(self, camera: str, wanted: NDArray[np.intp]) -> NDArray[np.uint8]:
        """Decoded images of a camera, one per index in `wanted`, RGB, shape (T, height, width, 3).

        Raises:
            ImageError: If one cannot be decoded, or has another size than the first.
        """
        topic = camera_topic(camera)
        messages = self.stream(topic, IMAGE).messages
        decoded = {index: self._image(topic, index, messages[index].data) for index in np.unique(wanted).tolist()}
        first = decoded[int(wanted[0])]
        for index, image in decoded.items():
            if image.shape != first.shape:
                raise ImageError(self.path, topic, index, f"size is {image.shape[:2]}, the first was {first.shape[:2]}")
        return np.stack([decoded[index] for index in wanted.tolist()])

    def _image(self, topic: str, index: int, data: NDArray[np.uint8]) -> NDArray[np.uint8]:
        try:
            with Image.open(BytesIO(data.tobytes())) as image:
                return np.asarray(image.convert("RGB"))
        except (OSError, SyntaxError, ValueError) as error:
            raise ImageError(self.path, topic, index, "cannot be decoded") from error

    def _stream(self, topic: str, messages: list[Any]) -> Stream:
        stamps = np.array([m.header.stamp.sec * 1_000_000_000 + m.header.stamp.nanosec for m in messages], np.int64)
        if (back := np.flatnonzero(np.diff(stamps) < 0)).size:
            at = int(back[0])
            raise ClockError(self.path, topic, int(stamps[at + 1]), int(stamps[at]))
        return Stream(topic, stamps, tuple(messages))

    def _finite(self, topic: str, values: list[Any]) -> NDArray[np.float32]:
        array = np.array(values, dtype=np.float32)
        if not np.isfinite(array).all():
            raise NotFiniteError(self.path, topic, int(np.argmin(np.isfinite(array).all(axis=1))))
        return array


def camera_topic(camera: str) -> str:
    """Topic of a camera's images."""
    return f"{CAMERA_PREFIX}{camera}{CAMERA_SUFFIX}"


def _is_wanted(topic: str) -> bool:
    return topic in (STATE, TARGET, COMMAND, OUTCOME) or _is_camera(topic)


def _is_camera(topic: str) -> bool:
    return topic.startswith(CAMERA_PREFIX) and topic.endswith(CAMERA_SUFFIX)


def _numbers(message: object, fields: str) -> tuple[float, ...]:
    return tuple(getattr(message, field) for field in fields)
