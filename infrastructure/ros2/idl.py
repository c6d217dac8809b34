"""The DDS type of a ROS 2 message type, made from its definition."""

from typing import Any

from cyclonedds.idl import IdlStruct, make_idl_struct
from cyclonedds.idl import types as idl
from rosbags.interfaces import Nodetype

from .definitions import Definitions

ARRAY: Any = idl.array  # indexed in ways that type checkers do not know
SEQUENCE: Any = idl.sequence
STRING: Any = idl.bounded_str
BASES: dict[str, Any] = {
    "bool": bool,
    "byte": idl.byte,
    "char": idl.uint8,
    "octet": idl.byte,
    "int8": idl.int8,
    "int16": idl.int16,
    "int32": idl.int32,
    "int64": idl.int64,
    "uint8": idl.uint8,
    "uint16": idl.uint16,
    "uint32": idl.uint32,
    "uint64": idl.uint64,
    "float32": idl.float32,
    "float64": idl.float64,
}


class Types:
    """DDS types, each made once: nested types must be the same object everywhere."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._made: dict[str, type[IdlStruct]] = {}

    def of(self, type_name: str) -> type[IdlStruct]:
        """The DDS type of `sensor_msgs/msg/Image` is the struct `sensor_msgs::msg::dds_::Image_`."""
        if type_name not in self._made:
            fields = {name: self._field(field) for name, field in self._definitions.fields(type_name)}
            name = mangled(type_name)
            self._made[type_name] = make_idl_struct(
                name.rpartition("::")[2], name.replace("::", "."), fields, dataclassify=False
            )
        return self._made[type_name]

    def _field(self, field: tuple[Nodetype, Any]) -> Any:
        kind, what = field
        match kind:
            case Nodetype.NAME:
                return self.of(what)
            case Nodetype.ARRAY:
                return ARRAY[self._field(what[0]), what[1]]
            case Nodetype.SEQUENCE:
                return SEQUENCE[self._field(what[0]), what[1]] if what[1] else SEQUENCE[self._field(what[0])]
            case _:
                name, limit = what
                if name in ("string", "wstring"):
                    return STRING[limit] if limit else str
                return BASES[name]


def mangled(type_name: str) -> str:
    """Name of a ROS 2 type on the wire. Source: ROS 2 design, `topic_and_service_names`."""
    package, kind, name = type_name.split("/")
    return f"{package}::{kind}::dds_::{name}_"


def dds_name(topic: str) -> str:
    """Name of a ROS 2 topic on the wire. Source: ROS 2 design, `topic_and_service_names`."""
    return "rt" + topic
