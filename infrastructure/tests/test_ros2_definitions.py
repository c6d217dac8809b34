"""Types that ROS 2 ships, types of one's own, and types that nobody knows."""

from pathlib import Path

import pytest

from physai.infrastructure.ros2.definitions import Definitions, defines_header, header_ns
from physai.infrastructure.ros2.errors import (
    AbsentDefinitionError,
    BadDefinitionError,
    BadMessageError,
    UnknownTypeError,
)


def own(folder: Path, text: str) -> Definitions:
    path = folder / "lab_msgs" / "msg" / "Grip.msg"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return Definitions((str(folder),))


def test_an_unknown_type_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownTypeError, match=r"/j: type 'sensor_msgs/msg/JointStates' is unknown. Did you mean"):
        Definitions().require("/j", "sensor_msgs/msg/JointStates")


def test_a_type_of_ones_own_is_read_from_its_file(tmp_path: Path) -> None:
    definitions = own(tmp_path, "std_msgs/Header header\nfloat32 width_m\n")
    definitions.require("/grip", "lab_msgs/msg/Grip")
    assert definitions.has_header("lab_msgs/msg/Grip")
    assert b"MSG: builtin_interfaces/Time" in definitions.text("lab_msgs/msg/Grip")
    assert defines_header(definitions.text("lab_msgs/msg/Grip"))


def test_a_type_that_holds_one_whose_definition_is_absent_is_named(tmp_path: Path) -> None:
    definitions = own(tmp_path, "other_msgs/Finger[] fingers\n")
    with pytest.raises(AbsentDefinitionError, match="lab_msgs/msg/Grip holds a other_msgs/msg/Finger, which is not"):
        definitions.require("/grip", "lab_msgs/msg/Grip")


def test_a_folder_without_definitions_is_named(tmp_path: Path) -> None:
    with pytest.raises(AbsentDefinitionError, match=r"no <package>/msg/<Type>\.msg in it"):
        Definitions((str(tmp_path),))


def test_a_file_that_defines_nothing_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadDefinitionError, match=r"Grip\.msg: not a message definition"):
        own(tmp_path, "float32[ width_m\n")


def test_bytes_of_another_type_are_named() -> None:
    with pytest.raises(BadMessageError, match="cannot be read as sensor_msgs/msg/JointState"):
        Definitions().decode("sensor_msgs/msg/JointState", b"\0\1\0\0\1")


def test_the_header_time_is_read_without_decoding() -> None:
    definitions = Definitions()
    stamp = definitions.build("builtin_interfaces/msg/Time", sec=1_700_000_000, nanosec=123_456_789)
    header = definitions.build("std_msgs/msg/Header", stamp=stamp, frame_id="base_link")
    assert header_ns(definitions.encode(header)) == 1_700_000_000_123_456_789
    assert header_ns(b"\0\1\0\0" + b"\0" * 8) is None
    assert header_ns(b"\0\0\0\0" + (7).to_bytes(4) + (5).to_bytes(4)) == 7_000_000_005  # big-endian
