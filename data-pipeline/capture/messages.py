"""Builds ROS 2 messages and serialises them as CDR."""

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rosbags.typesys import Stores, get_typestore

BASE_FRAME = "base_link"
JPEG_QUALITY = 92

_STORE = get_typestore(Stores.ROS2_JAZZY)
_TYPES = _STORE.types

type Floats = NDArray[np.float32]


def joint_state(stamp_ns: int, names: tuple[str, ...], position_rad: Floats, velocity_rad_s: Floats | None) -> Any:
    """`sensor_msgs/msg/JointState`: what joints measure, or with no velocity what they are told."""
    velocity = np.array([], np.float64) if velocity_rad_s is None else velocity_rad_s.astype(np.float64)
    return _TYPES["sensor_msgs/msg/JointState"](
        header=_header(stamp_ns, ""),
        name=list(names),
        position=position_rad.astype(np.float64),
        velocity=velocity,
        effort=np.array([], np.float64),
    )


def target_pose(stamp_ns: int, pose: Floats) -> Any:
    """`geometry_msgs/msg/PoseStamped` in the base frame, from x y z in m and quaternion x y z w."""
    x, y, z, qx, qy, qz, qw = (float(value) for value in pose)
    return _TYPES["geometry_msgs/msg/PoseStamped"](
        header=_header(stamp_ns, BASE_FRAME),
        pose=_TYPES["geometry_msgs/msg/Pose"](
            position=_TYPES["geometry_msgs/msg/Point"](x=x, y=y, z=z),
            orientation=_TYPES["geometry_msgs/msg/Quaternion"](x=qx, y=qy, z=qz, w=qw),
        ),
    )


def compressed_image(stamp_ns: int, camera: str, pixels: NDArray[np.uint8]) -> Any:
    """`sensor_msgs/msg/CompressedImage`, a JPEG, from RGB (H, W, 3)."""
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=JPEG_QUALITY)
    data = np.frombuffer(buffer.getvalue(), dtype=np.uint8)
    return _TYPES["sensor_msgs/msg/CompressedImage"](header=_header(stamp_ns, camera), format="jpeg", data=data)


def text(said: str) -> Any:
    """`std_msgs/msg/String`."""
    return _TYPES["std_msgs/msg/String"](data=said)


def definition(message: Any) -> tuple[str, bytes]:
    """Name of a message's type, and its definition with those of all types in it, as MCAP's `ros2msg` has them."""
    lines, _ = _STORE.generate_msgdef(message.__msgtype__, ros_version=2)
    return message.__msgtype__, lines.encode()


def serialize(message: Any) -> bytes:
    """CDR, little-endian, with its encapsulation header."""
    return bytes(_STORE.serialize_cdr(message, message.__msgtype__))


def _header(stamp_ns: int, frame: str) -> Any:
    stamp = _TYPES["builtin_interfaces/msg/Time"](sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)
    return _TYPES["std_msgs/msg/Header"](stamp=stamp, frame_id=frame)
