"""A robot that says as much as a real one: cameras at 30 Hz, joints at 100 Hz, an IMU at 200 Hz, over real DDS."""

import os
import struct
import time
from io import BytesIO
from multiprocessing.connection import Connection
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from physai.infrastructure.ros2.definitions import Definitions

WIDTH, HEIGHT = 640, 480
CAMERAS = 4
SCENES = 8  # different pictures of a camera, said in turn
JOINTS = 7
SEED = 0
HISTORY_S = 10.0  # what is said again to a recorder that stood still
FLUSH_S = 20.0
FRAME_AT = 16  # bytes of encapsulation, time, and length of the frame's name, before it
DIGITS = 12

Images = Literal["jpeg", "raw"]

LOOPBACK = (
    '<CycloneDDS><Domain id="any"><General><Interfaces><NetworkInterface name="lo" multicast="false"/></Interfaces>'
    "<AllowMulticast>false</AllowMulticast><MaxMessageSize>65500B</MaxMessageSize></General>"
    '<Discovery><ParticipantIndex>auto</ParticipantIndex><Peers><Peer Address="127.0.0.1"/></Peers></Discovery>'
    "</Domain></CycloneDDS>"
)
"""One machine, no network."""


class Voice(NamedTuple):
    """A topic, and what is said on it in turn."""

    topic: str
    type: str
    rate_hz: float
    said: list[bytearray]
    """CDR; the header time is filled in when it is said."""


class Speech(NamedTuple):
    """What was said."""

    counts: dict[str, int]
    """Topic → how many messages."""
    took_s: float


def voices(images: Images) -> list[Voice]:
    """All topics of the robot."""
    definitions, rng = Definitions(), np.random.default_rng(SEED)
    cameras = [
        Voice(
            f"/camera/{index}/image",
            _image_type(images),
            30.0,
            [_image(definitions, images, rng) for _ in range(SCENES)],
        )
        for index in range(CAMERAS)
    ]
    return [
        *cameras,
        Voice("/joint_states", "sensor_msgs/msg/JointState", 100.0, [_joints(definitions)]),
        Voice("/imu", "sensor_msgs/msg/Imu", 200.0, [_imu(definitions)]),
    ]


def perform(images: Images, domain: int, seconds: float, pipe: Connection) -> None:
    """Be ready, speak for so long when told to, and tell through the pipe what was said.

    The messages of a topic are numbered from 0; `number_of` reads the number.
    """
    os.environ["CYCLONEDDS_URI"] = LOOPBACK
    from physai.infrastructure.ros2.publisher import Publisher

    said = voices(images)
    depth = {voice.topic: round(HISTORY_S * voice.rate_hz) for voice in said}
    publisher = Publisher({voice.topic: voice.type for voice in said}, Definitions(), domain, depth=depth)
    if not publisher.wait_for_subscribers(30):
        return
    counts = dict.fromkeys((voice.topic for voice in said), 0)
    pipe.send("ready")
    pipe.recv()
    begun = time.monotonic()
    due = [(0.0, number) for number in range(len(said))]
    while due[0][0] < seconds:
        at_s, number = min(due)
        due.remove((at_s, number))
        if at_s >= seconds:
            break
        time.sleep(max(0.0, at_s - (time.monotonic() - begun)))
        voice = said[number]
        data = voice.said[counts[voice.topic] % len(voice.said)]
        now_ns = time.time_ns()
        struct.pack_into("<iI", data, 4, now_ns // 10**9, now_ns % 10**9)
        data[FRAME_AT : FRAME_AT + DIGITS] = _digits(counts[voice.topic])
        publisher.publish_raw(voice.topic, bytes(data))
        counts[voice.topic] += 1
        due.append((at_s + 1 / voice.rate_hz, number))
    took_s = time.monotonic() - begun
    publisher.flush(FLUSH_S)
    pipe.send(Speech(counts, took_s))
    pipe.recv()


def _image_type(images: Images) -> str:
    return "sensor_msgs/msg/CompressedImage" if images == "jpeg" else "sensor_msgs/msg/Image"


def _image(definitions: Definitions, images: Images, rng: np.random.Generator) -> bytearray:
    pixels = _scene(rng)
    header = _header(definitions)
    if images == "raw":
        message = definitions.build(
            "sensor_msgs/msg/Image",
            header=header,
            height=HEIGHT,
            width=WIDTH,
            encoding="rgb8",
            is_bigendian=0,
            step=3 * WIDTH,
            data=pixels.reshape(-1),
        )
        return bytearray(definitions.encode(message))
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=90)
    data = np.frombuffer(buffer.getvalue(), np.uint8)
    return bytearray(
        definitions.encode(
            definitions.build("sensor_msgs/msg/CompressedImage", header=header, format="jpeg", data=data)
        )
    )


def _scene(rng: np.random.Generator) -> NDArray[np.uint8]:
    """A table under a lamp, with the noise of a sensor."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    light = 90 + 80 * np.sin(x / 97 + rng.uniform(0, 6)) * np.cos(y / 61)
    noisy: NDArray[np.float64] = np.clip(light[..., None] + rng.normal(0, 4, (HEIGHT, WIDTH, 3)), 0, 255)
    return noisy.astype(np.uint8)


def _joints(definitions: Definitions) -> bytearray:
    values = np.zeros(JOINTS)
    names = [f"joint_{index}" for index in range(JOINTS)]
    message = definitions.build(
        "sensor_msgs/msg/JointState",
        header=_header(definitions),
        name=names,
        position=values,
        velocity=values,
        effort=values,
    )
    return bytearray(definitions.encode(message))


def _imu(definitions: Definitions) -> bytearray:
    still, covariance = definitions.build("geometry_msgs/msg/Vector3", x=0.0, y=0.0, z=9.8), np.zeros(9)
    message = definitions.build(
        "sensor_msgs/msg/Imu",
        header=_header(definitions),
        orientation=definitions.build("geometry_msgs/msg/Quaternion", x=0.0, y=0.0, z=0.0, w=1.0),
        orientation_covariance=covariance,
        angular_velocity=still,
        angular_velocity_covariance=covariance,
        linear_acceleration=still,
        linear_acceleration_covariance=covariance,
    )
    return bytearray(definitions.encode(message))


def _header(definitions: Definitions) -> object:
    stamp = definitions.build("builtin_interfaces/msg/Time", sec=0, nanosec=0)
    return definitions.build("std_msgs/msg/Header", stamp=stamp, frame_id=_digits(0).decode())


def _digits(number: int) -> bytes:
    return f"{number:0{DIGITS}}".encode()


def number_of(data: bytes) -> int:
    """The number of a message, which its header bears as its frame."""
    return int(data[FRAME_AT : FRAME_AT + DIGITS])
