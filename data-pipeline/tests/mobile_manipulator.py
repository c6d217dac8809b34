"""What the mobile manipulator of `examples/mobile-manipulator.yaml` says for a while, on every topic at its rate."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physai.data_pipeline.tests.convert_recordings import START_NS, TYPES, Message, header, write_mcap

ARM = [*(f"arm_joint_{number}" for number in range(1, 7)), "gripper_joint"]
HEIGHT, WIDTH = 48, 64


def distances_mm(at_s: float) -> NDArray[np.uint16]:
    """A slope of 0.4 to 7 m that comes nearer by 0.5 m/s, with a hole of which nothing was measured."""
    slope = np.linspace(900, 7000, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH) - 500 * at_s
    slope[10:14, 20:30] = 0
    return slope.round().astype(np.uint16)


def talk(path: Path, seconds: float = 2.0) -> Path:
    """Write an MCAP in which buttons of /joy begin an episode at 0.2 s and end it as a success 0.2 s before the end."""
    rates = {
        "/base/odom": 50,
        "/arm/joint_states": 100,
        "/imu/data": 200,
        "/base/cmd_vel": 20,
        "/arm/joint_command": 20,
        "/head_camera/image_raw": 30,
        "/head_camera/depth/image_raw": 15,
        "/scan": 10,
    }
    said: list[Message] = [("/tf_static", START_NS + 5 * 10**8, TYPES["tf2_msgs/msg/TFMessage"](transforms=[]))]
    for topic, rate_hz in rates.items():
        for number in range(round(seconds * rate_hz)):
            at_s = number / rate_hz
            stamp_ns = START_NS + round(at_s * 1e9)
            said.append((topic, stamp_ns, _message(topic, stamp_ns, at_s)))
    pressed = {2: 0, round(10 * seconds) - 2: 1}  # tenths of a second → button
    for tenth in range(round(10 * seconds)):
        stamp_ns = START_NS + tenth * 10**8
        buttons = np.array([pressed.get(tenth) == button for button in range(3)], np.int32)
        joy = TYPES["sensor_msgs/msg/Joy"](header=header(stamp_ns), axes=np.zeros(2, np.float32), buttons=buttons)
        said.append(("/joy", stamp_ns, joy))
    write_mcap(path, sorted(said, key=lambda message: message[1]))
    return path


def _message(topic: str, stamp_ns: int, at_s: float) -> Any:
    if topic.startswith("/arm"):
        return TYPES["sensor_msgs/msg/JointState"](
            header=header(stamp_ns),
            name=ARM,
            position=np.sin(at_s + np.arange(7.0)),
            velocity=np.zeros(7),
            effort=np.zeros(7),
        )
    if topic == "/head_camera/image_raw":
        return _image(stamp_ns, "rgb8", np.full((HEIGHT, WIDTH, 3), round(60 * at_s) + 40, np.uint8))
    if topic == "/head_camera/depth/image_raw":
        return _image(stamp_ns, "16UC1", distances_mm(at_s))
    if topic == "/scan":
        ranges = np.ones(8, np.float32)
        limits = dict.fromkeys(("angle_min", "angle_max", "angle_increment", "time_increment", "scan_time"), 0.0)
        return TYPES["sensor_msgs/msg/LaserScan"](
            header=header(stamp_ns), **limits, range_min=0.1, range_max=9.0, ranges=ranges, intensities=ranges
        )
    return _moving(topic, stamp_ns, at_s)


def _moving(topic: str, stamp_ns: int, at_s: float) -> Any:
    vector, turn = TYPES["geometry_msgs/msg/Vector3"], TYPES["geometry_msgs/msg/Quaternion"](x=0.0, y=0.0, z=0.6, w=0.8)
    twist = TYPES["geometry_msgs/msg/Twist"](linear=vector(x=0.5, y=0.0, z=0.0), angular=vector(x=0.0, y=0.0, z=0.1))
    if topic == "/base/cmd_vel":
        return TYPES["geometry_msgs/msg/TwistStamped"](header=header(stamp_ns), twist=twist)
    none = np.zeros(9)
    if topic == "/imu/data":
        return TYPES["sensor_msgs/msg/Imu"](
            header=header(stamp_ns),
            orientation=turn,
            orientation_covariance=none,
            angular_velocity=vector(x=0.0, y=0.0, z=0.1),
            angular_velocity_covariance=none,
            linear_acceleration=vector(x=0.0, y=0.0, z=9.81),
            linear_acceleration_covariance=none,
        )
    point = TYPES["geometry_msgs/msg/Point"](x=0.5 * at_s, y=0.0, z=0.0)
    pose = TYPES["geometry_msgs/msg/Pose"](position=point, orientation=turn)
    return TYPES["nav_msgs/msg/Odometry"](
        header=header(stamp_ns),
        child_frame_id="base",
        pose=TYPES["geometry_msgs/msg/PoseWithCovariance"](pose=pose, covariance=np.zeros(36)),
        twist=TYPES["geometry_msgs/msg/TwistWithCovariance"](twist=twist, covariance=np.zeros(36)),
    )


def _image(stamp_ns: int, encoding: str, pixels: NDArray[Any]) -> Any:
    lines = pixels.reshape(HEIGHT, -1).view(np.uint8)
    return TYPES["sensor_msgs/msg/Image"](
        header=header(stamp_ns),
        height=HEIGHT,
        width=WIDTH,
        encoding=encoding,
        is_bigendian=0,
        step=lines.shape[1],
        data=lines.ravel(),
    )
