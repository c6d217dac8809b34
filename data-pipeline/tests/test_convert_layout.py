"""Numbers are found in the bytes of a message as decoding finds them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rosbags.typesys import Stores, get_typestore

from physai.data_pipeline.convert.errors import NotFiniteError
from physai.data_pipeline.convert.layout import Layout, LayoutError
from physai.data_pipeline.convert.numbers import Numbers
from physai.infrastructure.contracts import FeatureRule

STORE = get_typestore(Stores.ROS2_JAZZY)
JOINTS, POINT = "sensor_msgs/msg/JointState", "trajectory_msgs/msg/JointTrajectoryPoint"
TRAJECTORY, BATTERY = "trajectory_msgs/msg/JointTrajectory", "sensor_msgs/msg/BatteryState"


def build(type_name: str, /, **fields: Any) -> Any:
    return STORE.types[type_name](**fields)


def header(frame: str = "base") -> Any:
    return build("std_msgs/msg/Header", stamp=build("builtin_interfaces/msg/Time", sec=1, nanosec=2), frame_id=frame)


def joints(position: list[float], frame: str = "base", names: tuple[str, ...] = ("elbow", "wrist")) -> Any:
    velocity = np.array([0.5, -0.5])
    return build(
        JOINTS,
        header=header(frame),
        name=list(names),
        position=np.array(position),
        velocity=velocity,
        effort=np.zeros(0),
    )


def trajectory(points: int) -> Any:
    still = build("builtin_interfaces/msg/Duration", sec=0, nanosec=1)
    found = [
        build(
            POINT,
            positions=np.array([row, row + 0.5]),
            velocities=np.zeros(0),
            accelerations=np.zeros(0),
            effort=np.ones(1),
            time_from_start=still,
        )
        for row in range(points)
    ]
    return build(TRAJECTORY, header=header("x"), joint_names=["a", "bc"], points=found)


def battery() -> Any:
    numbers = {name: float(at) for at, name in enumerate(("voltage", "temperature", "current", "charge", "capacity"))}
    more = {"design_capacity": 7.0, "percentage": 0.25, "cell_temperature": np.zeros(0, np.float32), "location": "left"}
    kinds = {"power_supply_status": 1, "power_supply_health": 2, "power_supply_technology": 3, "present": True}
    cells = np.array([3.5, 3.25, 3.75], np.float32)
    return build(BATTERY, header=header(""), **numbers, **more, **kinds, cell_voltage=cells, serial_number="a1")


def encode(message: Any, *, little: bool = True) -> bytes:
    return bytes(STORE.serialize_cdr(message, message.__msgtype__, little_endian=little))


@pytest.mark.parametrize("little", [True, False])
@pytest.mark.parametrize(
    ("message", "path", "expected"),
    [
        (joints([1.0, 2.0]), "position", [1.0, 2.0]),
        (joints([1.0, 2.0]), "velocity[1]", [-0.5]),
        (joints([1.0, 2.0]), "effort", []),
        (trajectory(3), "header.stamp.nanosec", [2]),
        (trajectory(3), "points[2].positions", [2.0, 2.5]),
        (trajectory(3), "points[1].effort[0]", [1.0]),
        (battery(), "percentage", [0.25]),
        (battery(), "present", [True]),
        (battery(), "cell_voltage", [3.5, 3.25, 3.75]),
        (battery(), "power_supply_technology", [3]),
        (battery(), "location", []),
    ],
)
def test_numbers_are_found_in_the_bytes(message: Any, path: str, expected: list[float], *, little: bool) -> None:
    data = encode(message, little=little)
    layout = Layout(STORE, message.__msgtype__, data)
    assert list(layout.reader(layout.find(path)).unpack_from(data)) == expected
    assert layout.fits(data)


def test_elements_come_in_the_order_of_the_rule() -> None:
    rule = FeatureRule(feature="observation.state", fields=("velocity", "position"), keys=("wrist", "elbow"))
    numbers = Numbers(Path("bag"), "/joint_states", rule)
    first = encode(joints([1.0, 2.0]))
    numbers.add(STORE.deserialize_cdr(first, JOINTS))
    assert numbers.learn(Layout(STORE, JOINTS, first), first)
    numbers.add_raw(encode(joints([3.0, 4.0])))
    one, two = np.arange(2, dtype=np.intp), np.arange(2, dtype=np.intp)
    rows = numbers.rows(one, two, np.zeros(2))
    assert rows.tolist() == [[-0.5, 0.5, 2.0, 1.0], [-0.5, 0.5, 4.0, 3.0]]


@pytest.mark.parametrize(
    "other",
    [
        joints([1.0, 2.0], frame="tool"),  # as long as "base"
        joints([1.0, 2.0], names=("wrist", "elbow")),
        joints([1.0]),
    ],
)
def test_another_string_or_length_is_another_layout(other: Any) -> None:
    layout = Layout(STORE, JOINTS, encode(joints([1.0, 2.0])))
    assert layout.fits(encode(joints([8.0, 9.0])))
    assert not layout.fits(encode(other))
    assert not layout.fits(encode(joints([8.0, 9.0]), little=False))


def test_a_number_that_is_none_is_refused_in_the_bytes_too() -> None:
    numbers = Numbers(Path("bag"), "/joint_states", FeatureRule(feature="observation.state", fields=("position",)))
    first = encode(joints([1.0, 2.0]))
    numbers.add(STORE.deserialize_cdr(first, JOINTS))
    assert numbers.learn(Layout(STORE, JOINTS, first), first)
    with pytest.raises(NotFiniteError, match="message 1"):
        numbers.add_raw(encode(joints([1.0, np.nan])))


def test_a_message_cut_short_has_no_layout() -> None:
    with pytest.raises(LayoutError):
        Layout(STORE, JOINTS, encode(joints([1.0, 2.0]))[:-12])
