"""Where the numbers of a message lie in its bytes, so that those after it need not be decoded."""

import re
import struct
from collections.abc import Iterable
from typing import Any, NamedTuple

from rosbags.interfaces import Nodetype
from rosbags.typesys.store import Typestore

from .types import LITTLE_ENDIAN

CODES = {
    "bool": "?",
    "byte": "B",
    "char": "B",
    "int8": "b",
    "uint8": "B",
    "int16": "h",
    "uint16": "H",
    "int32": "i",
    "uint32": "I",
    "int64": "q",
    "uint64": "Q",
    "float32": "f",
    "float64": "d",
}
"""Primitive type of ROS 2 → its code in `struct`."""
ELEMENT = re.compile(r"^(?P<array>.+)\[(?P<index>\d+)\]$")
PADDING = 4  # a message ends with fewer bytes than these
START = 4  # of the fields, after the encapsulation header; alignment counts from here


class LayoutError(Exception):
    """A message must be decoded, for its numbers cannot be found otherwise."""


class Number(NamedTuple):
    """A number in the bytes of a message."""

    offset: int
    code: str


class Layout:
    """The layout of a message in plain CDR. Its lengths and strings tell it: where they are the same, so is the layout.

    Source: OMG Common Object Request Broker Architecture 3.3, part 2, 9.3 (CDR transfer syntax).
    """

    def __init__(self, store: Typestore, type_name: str, data: bytes) -> None:
        """Walk through a message.

        Args:
            store: Types of the recording.
            type_name: Of the message.
            data: The message, known to be decodable.

        Raises:
            LayoutError: If it cannot be walked through.
        """
        self._runs: dict[str, tuple[int, str, int]] = {}
        """Path of a field → offset, code and count of its numbers."""
        self._store, self._data = store, data
        self._order = "<" if data[1] & LITTLE_ENDIAN else ">"
        self._at = START
        self._told = [slice(0, START)]
        try:
            self._walk(type_name, "")
        except (KeyError, struct.error) as error:
            raise LayoutError(type_name) from error
        if not self._at <= len(data) < self._at + PADDING:
            raise LayoutError(type_name)
        self._same = [(part, data[part]) for part in self._told]

    def fits(self, data: bytes) -> bool:
        """Whether another message has the same layout."""
        if len(data) != len(self._data):
            return False
        return all(data[part] == known for part, known in self._same)

    def find(self, path: str) -> list[Number]:
        """Numbers of a field: one, those of an array, or `axes[2]` of it; none if it has none."""
        index = None
        if path not in self._runs and (part := ELEMENT.match(path)):
            path, index = part["array"], int(part["index"])
        offset, code, count = self._runs.get(path, (0, "B", 0))
        size = struct.calcsize(code)
        found = [Number(offset + size * number, code) for number in range(count)]
        return found if index is None else found[index : index + 1]

    def reader(self, numbers: Iterable[Number]) -> struct.Struct:
        """Reads these numbers, in order of their offsets, out of a message."""
        parts, at = [self._order], 0
        for offset, code in sorted(numbers):
            parts.append(f"{offset - at}x{code}")
            at = offset + struct.calcsize(code)
        return struct.Struct("".join(parts))

    def _walk(self, type_name: str, path: str) -> None:
        for name, node in self._store.fielddefs[type_name][1] or [("", (Nodetype.BASE, ("uint8", 0)))]:
            self._field(f"{path}.{name}" if path else name, node)

    def _field(self, path: str, node: Any) -> None:
        kind, what = node
        if kind == Nodetype.BASE:
            self._base(path, what[0])
        elif kind == Nodetype.NAME:
            self._walk(what, path)
        else:
            element, length = what
            count = length if kind == Nodetype.ARRAY else self._length()
            if element[0] == Nodetype.BASE and element[1][0] in CODES:
                self._run(path, CODES[element[1][0]], count)
            else:
                for index in range(count):
                    self._field(f"{path}[{index}]", element)

    def _base(self, path: str, name: str) -> None:
        if name == "string":
            length = self._length()
            self._told.append(slice(self._at, self._at + length))
            self._at += length
        else:
            self._run(path, CODES[name], 1)

    def _run(self, path: str, code: str, count: int) -> None:
        size = struct.calcsize(code)
        if count:
            self._align(size)
        self._runs[path] = (self._at, code, count)
        self._at += size * count

    def _length(self) -> int:
        self._align(4)
        (length,) = struct.unpack_from(f"{self._order}I", self._data, self._at)
        self._told.append(slice(self._at, self._at + 4))
        self._at += 4
        return int(length)

    def _align(self, size: int) -> None:
        self._at += (START - self._at) % size
