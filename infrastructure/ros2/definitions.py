"""What is in a ROS 2 message type, without ROS: those that ROS 2 ships, and `.msg` files of one's own."""

import struct
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from rosbags.interfaces import Nodetype
from rosbags.serde import SerdeError
from rosbags.typesys import Stores, TypesysError, get_types_from_msg, get_typestore

from ..errors import one_line
from .errors import AbsentDefinitionError, BadDefinitionError, BadMessageError, UnknownTypeError

HEADER = "std_msgs/msg/Header"
ENCAPSULATION = 4  # bytes before the content: representation and options
LITTLE_ENDIAN = 1


class Definitions:
    """Message types by name: those of ROS 2 Jazzy, and more from folders."""

    def __init__(self, folders: tuple[str, ...] = ()) -> None:
        """Read the folders.

        Args:
            folders: Each with `<package>/msg/<Type>.msg` somewhere below.

        Raises:
            AbsentDefinitionError: If a folder is not there, or has no such file.
            BadDefinitionError: If a file cannot be read as a definition.
        """
        self._store = get_typestore(Stores.ROS2_JAZZY)
        found: dict[str, Any] = {}
        for folder in folders:
            paths = sorted(Path(folder).glob("**/msg/*.msg"))
            if not paths:
                raise AbsentDefinitionError(folder, "no <package>/msg/<Type>.msg in it")
            for path in paths:
                found |= _read(path)
        self._store.register(found)

    def require(self, where: str, type_name: str) -> None:
        """Check that a type and all types in it are defined.

        Raises:
            UnknownTypeError: If there is no such type.
            AbsentDefinitionError: If a type in it is not defined.
        """
        if type_name not in self._store.fielddefs:
            raise UnknownTypeError(where, type_name, get_close_matches(type_name, self._store.fielddefs))
        waiting, seen = [type_name], set()
        while waiting:
            name = waiting.pop()
            seen.add(name)
            if name not in self._store.fielddefs:
                raise AbsentDefinitionError(where, f"{type_name} holds a {name}, which is not defined")
            waiting += [inner for inner in self._inner(name) if inner not in seen]

    def fields(self, type_name: str) -> list[tuple[str, Any]]:
        """Fields of a type, in order, as rosbags describes them."""
        return list(self._store.fielddefs[type_name][1])

    def text(self, type_name: str) -> bytes:
        """Definition with those of all types in it, as MCAP's `ros2msg` has them."""
        lines, _ = self._store.generate_msgdef(type_name, ros_version=2)
        return lines.encode()

    def has_header(self, type_name: str) -> bool:
        """Whether messages begin with a header, and so with the time of what they tell."""
        fields = self._store.fielddefs[type_name][1]
        return bool(fields) and fields[0][1][1] == HEADER

    def decode(self, type_name: str, data: bytes) -> Any:
        """The message of some CDR.

        Raises:
            BadMessageError: If it is not of this type.
        """
        try:
            return self._store.deserialize_cdr(data, type_name)
        except (SerdeError, TypesysError, struct.error, UnicodeDecodeError, ValueError, AssertionError) as error:
            raise BadMessageError(type_name, str(error)) from error

    def encode(self, message: Any) -> bytes:
        """CDR of a message, little-endian, with its encapsulation header."""
        return bytes(self._store.serialize_cdr(message, message.__msgtype__))

    def build(self, type_name: str, **fields: Any) -> Any:
        """A message."""
        return self._store.types[type_name](**fields)

    def _inner(self, name: str) -> list[str]:
        return [found for _, field in self._store.fielddefs[name][1] if (found := _named(field))]


def header_ns(data: bytes) -> int | None:
    """Header time of a message that begins with a header; None if it says none, or is too short for one."""
    if len(data) < ENCAPSULATION + 8:
        return None
    order = "<" if data[1] & LITTLE_ENDIAN else ">"
    sec, nanosec = struct.unpack_from(f"{order}iI", data, ENCAPSULATION)
    return sec * 10**9 + nanosec or None


def defines_header(text: bytes) -> bool:
    """Whether messages of a type begin with a header, by its definition in the `ros2msg` form."""
    lines = (line.partition("#")[0].split() for line in text.decode(errors="replace").splitlines())
    fields = (words for words in lines if len(words) > 1 and "=" not in "".join(words))
    return next(fields, [""])[0] in (HEADER, "std_msgs/Header", "Header")


def _named(field: tuple[Nodetype, Any]) -> str | None:
    """The type in a field that is defined elsewhere: a message, or an array of them."""
    kind, what = field
    if kind is Nodetype.NAME:
        return str(what)
    return _named(what[0]) if kind in (Nodetype.ARRAY, Nodetype.SEQUENCE) else None


def _read(path: Path) -> dict[str, Any]:
    name = f"{path.parent.parent.name}/msg/{path.stem}"
    try:
        return dict(get_types_from_msg(path.read_text(), name))
    except (TypesysError, UnicodeDecodeError) as error:
        raise BadDefinitionError(path, one_line(error)) from error
