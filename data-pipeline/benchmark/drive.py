"""A recording of two cameras at 30 Hz, joints at 100 Hz and an IMU at 200 Hz, and the frames in it."""

from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from io import BytesIO
from math import ceil
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
from mcap.writer import CompressionType, Writer
from numpy.typing import NDArray
from PIL import Image
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from physai.infrastructure.contracts import Alignment, FeatureRule, RecordingConfig, TopicRule

from ..convert.bag import open_bag

WIDTH, HEIGHT = 640, 480
CAMERAS = ("front", "wrist")
CYCLE = 300  # frames of video that follow one another again and again
CAMERA_HZ, JOINTS_HZ, IMU_HZ = 30, 100, 200
JOINTS = tuple(f"joint_{i}" for i in range(1, 7))
START_NS = 1_700_000_000_000_000_000
VIDEO = "foxglove_msgs/msg/CompressedVideo"
VIDEO_MSG = "builtin_interfaces/Time timestamp\nstring frame_id\nuint8[] data\nstring format\n"

NOISE_MM = 3.75
"""Of depth at 1 m: distance^2 * error of the disparity / (focal length * baseline), with an assumed error of 0.06
pixels, and 320 pixels (640 in 90 degrees) and 50 mm as of a RealSense D435. Source: Intel, "Subpixel Linearity
Improvement for Intel RealSense Depth Camera D400 Series", revision 1.3."""

Kind = Literal["jpeg", "raw", "h264", "depth"]
IMAGE = "sensor_msgs/msg/Image"
TYPES = {"jpeg": "sensor_msgs/msg/CompressedImage", "raw": IMAGE, "h264": VIDEO, "depth": IMAGE}

_STORE = get_typestore(Stores.ROS2_JAZZY)
_STORE.register(get_types_from_msg(VIDEO_MSG, VIDEO))


def config(kind: Kind) -> RecordingConfig:
    """What of the recording becomes a dataset."""
    joints = (
        FeatureRule(feature="observation.state", fields=("position",), keys=JOINTS),
        FeatureRule(feature="action", fields=("velocity",), keys=JOINTS),
    )
    imu = FeatureRule(
        feature="observation.imu", fields=tuple(f"linear_acceleration.{axis}" for axis in "xyz"), names=("x", "y", "z")
    )
    cameras = tuple(
        TopicRule(
            topic=f"/{name}",
            type=TYPES[kind],
            rate_hz=CAMERA_HZ,
            align=Alignment(how="nearest"),
            features=(
                FeatureRule(feature=f"observation.images.{name}", dtype="depth" if kind == "depth" else "video"),
            ),
        )
        for name in CAMERAS
    )
    return RecordingConfig(
        robots=("bench",),
        task="measure",
        rate_hz=CAMERA_HZ,
        output="x",
        topics=(
            TopicRule(topic="/joint_states", type="sensor_msgs/msg/JointState", rate_hz=JOINTS_HZ, features=joints),
            TopicRule(topic="/imu", type="sensor_msgs/msg/Imu", rate_hz=IMU_HZ, features=(imu,)),
            *cameras,
        ),
    )


def frame(camera: int, row: int) -> NDArray[np.uint8]:
    """A textured scene that moves by 2 pixels a row, with an object that moves the other way."""
    base = _texture(camera)
    found = np.roll(base, 2 * row, axis=1)
    left = (5 * row) % (WIDTH - 120)
    found[200:320, left : left + 120] = (200, 60 + 40 * camera, 40)
    return found


def depth(camera: int, row: int) -> NDArray[np.uint16]:
    """Distances in mm of a table with an object that moves over it, noisy as a stereo camera's, with its shadow."""
    height, width = np.mgrid[0:HEIGHT, 0:WIDTH]
    scene = 900 + 0.8 * (HEIGHT - height) + 60 * np.sin((width + 2 * row) / 90 + camera) * np.cos(height / 70)
    left = (5 * row) % (WIDTH - 120)
    scene[200:320, left : left + 120] = 620
    noisy = scene + np.roll(_noise(), 997 * row + camera) * NOISE_MM * (scene / 1000) ** 2
    noisy[200:320, max(0, left - 8) : left] = 0  # which one of the two eyes cannot see
    return np.asarray(np.rint(noisy), np.uint16)


def write(path: Path, kind: Kind, rows: int) -> int:
    """Write the recording; its size in bytes."""
    with path.open("wb") as file:
        writer = Writer(file, compression=CompressionType.NONE)
        writer.start(profile="ros2", library="physai benchmark")
        channels = {}
        for topic, seconds, name, message in _messages(kind, rows):
            if topic not in channels:
                text, _ = _STORE.generate_msgdef(name, ros_version=2)
                schema = writer.register_schema(name, "ros2msg", text.encode())
                channels[topic] = writer.register_channel(topic, "cdr", schema)
            stamp = START_NS + round(seconds * 1e9)
            writer.add_message(channels[topic], stamp, bytes(_STORE.serialize_cdr(message, name)), stamp)
        writer.finish()  # type: ignore[no-untyped-call]  # mcap does not say what it returns
    return path.stat().st_size


def frames(path: Path, rows: int) -> list[list[NDArray[np.uint8]]]:
    """The first rows of a recording of JPEG images, decoded: for each row the frames of the cameras."""
    bag, found = open_bag(path), [list[NDArray[np.uint8]]() for _ in CAMERAS]
    topics = [f"/{name}" for name in CAMERAS]
    for raw in bag.messages(lambda topic: topic in topics):
        camera = found[topics.index(raw.topic)]
        if len(camera) < rows:
            camera.append(np.asarray(Image.open(BytesIO(bag.decode(raw).data.tobytes()))))
    return [list(pictures) for pictures in zip(*found, strict=True)]


def _messages(kind: Kind, rows: int) -> Iterator[tuple[str, float, str, Any]]:
    """Messages in order of time."""
    seconds = (rows - 1) / CAMERA_HZ
    events = [(i / JOINTS_HZ, 0, i) for i in range(ceil(seconds * JOINTS_HZ) + 1)]
    events += [(i / IMU_HZ, 1, i) for i in range(ceil(seconds * IMU_HZ) + 1)]
    events += [(i / CAMERA_HZ, 2 + camera, i) for i in range(rows) for camera in range(len(CAMERAS))]
    packets = [_packets(camera, min(rows, CYCLE)) for camera in range(len(CAMERAS))] if kind == "h264" else []
    for at, source, row in sorted(events):
        if source == 0:
            yield "/joint_states", at, "sensor_msgs/msg/JointState", _joints(at)
        elif source == 1:
            yield "/imu", at, "sensor_msgs/msg/Imu", _imu(at)
        elif kind == "h264":
            yield f"/{CAMERAS[source - 2]}", at, VIDEO, _video(at, packets[source - 2][row % CYCLE])
        elif kind == "depth":
            yield f"/{CAMERAS[source - 2]}", at, IMAGE, _raw(at, "16UC1", depth(source - 2, row))
        else:
            yield f"/{CAMERAS[source - 2]}", at, TYPES[kind], _image(kind, at, frame(source - 2, row))


def _image(kind: Kind, at: float, pixels: NDArray[np.uint8]) -> Any:
    if kind == "raw":
        return _raw(at, "rgb8", pixels)
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=90)
    return _build(TYPES[kind], header=_header(at), format="jpeg", data=np.frombuffer(buffer.getvalue(), np.uint8))


def _raw(at: float, encoding: str, pixels: NDArray[Any]) -> Any:
    data = pixels.reshape(HEIGHT, -1).view(np.uint8)
    facts = {"height": HEIGHT, "width": WIDTH, "encoding": encoding, "is_bigendian": 0, "step": data.shape[1]}
    return _build(IMAGE, header=_header(at), data=data.ravel(), **facts)


def _video(at: float, packet: bytes) -> Any:
    return _build(VIDEO, timestamp=_time(at), frame_id="", data=np.frombuffer(packet, np.uint8), format="h264")


def _packets(camera: int, rows: int) -> list[bytes]:
    """H.264 of a camera, a keyframe every 15 frames, so that the end may be followed by the beginning."""
    encoder, packets = _h264(), []
    for row in range(rows):
        picture = av.VideoFrame.from_ndarray(frame(camera, row), format="rgb24")
        picture.pts = row
        packets += [bytes(packet) for packet in encoder.encode(picture)]
    assert len(packets) == rows, "zerolatency"
    return packets


def _h264() -> av.VideoCodecContext:
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt, encoder.framerate = WIDTH, HEIGHT, "yuv420p", Fraction(CAMERA_HZ)
    encoder.options = {"g": "15", "bf": "0", "preset": "ultrafast", "tune": "zerolatency", "threads": "1"}
    return encoder


def _joints(at: float) -> Any:
    position = np.sin(at + np.arange(len(JOINTS)))
    facts = {"position": position, "velocity": np.cos(at + np.arange(len(JOINTS))), "effort": np.zeros(0)}
    return _build("sensor_msgs/msg/JointState", header=_header(at), name=list(JOINTS), **facts)


def _imu(at: float) -> Any:
    vector = _build("geometry_msgs/msg/Vector3", x=float(np.sin(at)), y=0.0, z=9.81)
    turn = _build("geometry_msgs/msg/Quaternion", x=0.0, y=0.0, z=0.0, w=1.0)
    nine = np.zeros(9)
    return _build(
        "sensor_msgs/msg/Imu",
        header=_header(at),
        orientation=turn,
        orientation_covariance=nine,
        angular_velocity=vector,
        angular_velocity_covariance=nine,
        linear_acceleration=vector,
        linear_acceleration_covariance=nine,
    )


def _build(type_name: str, **fields: Any) -> Any:
    return _STORE.types[type_name](**fields)


def _time(at: float) -> Any:
    stamp = START_NS + round(at * 1e9)
    return _build("builtin_interfaces/msg/Time", sec=stamp // 10**9, nanosec=stamp % 10**9)


def _header(at: float) -> Any:
    return _build("std_msgs/msg/Header", stamp=_time(at), frame_id="")


@cache
def _texture(camera: int) -> NDArray[np.uint8]:
    """Smooth noise, as of an ordinary room; the same every time."""
    rng = np.random.default_rng(camera)
    small = rng.integers(40, 200, (HEIGHT // 8, WIDTH // 8, 3), dtype=np.uint8)
    large = np.asarray(Image.fromarray(small).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))
    return np.clip(large + rng.normal(0, 3, large.shape), 0, 255).astype(np.uint8)


@cache
def _noise() -> NDArray[np.float64]:
    return np.random.default_rng(0).normal(0, 1, (HEIGHT, WIDTH))
