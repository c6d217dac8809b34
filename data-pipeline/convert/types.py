"""Compiles decoders from the type definitions that come with a recording."""

import struct
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from rosbags.serde import SerdeError
from rosbags.typesys import Stores, TypesysError, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from .errors import UndefinedTypeError

Decoder = Callable[[bytes], Any]
BROKEN = (SerdeError, TypesysError, KeyError, struct.error, UnicodeDecodeError, ValueError, AssertionError)
LITTLE_ENDIAN = 1


class Definition(NamedTuple):
    """What a recording says of the type of a topic."""

    name: str
    encoding: str
    """`ros2msg`, or `none` if the recording does not define it."""
    text: str
    fallback: Stores | None
    """Whose types are meant if the recording defines none, as bags of Humble do not."""


def store_of(path: Path, topic: str, definition: Definition) -> tuple[Typestore, str]:
    """Types of a topic, and the name of its own among them.

    Raises:
        UndefinedTypeError: If it is not defined.
    """
    name = definition.name if "/msg/" in definition.name else definition.name.replace("/", "/msg/", 1)
    if definition.encoding != "ros2msg" and definition.fallback is None:
        raise UndefinedTypeError(path, topic, definition.name, f"schema encoding {definition.encoding}")
    try:
        store = (
            _compiled(name, definition.text) if definition.text else get_typestore(definition.fallback or Stores.EMPTY)
        )
        if name not in store.fielddefs:
            raise KeyError(name)
    except BROKEN as error:
        raise UndefinedTypeError(path, topic, definition.name, f"has no definition ({error})") from error
    return store, name


def decoder_of(path: Path, topic: str, definition: Definition) -> Decoder:
    """Decoder of a topic.

    Raises:
        UndefinedTypeError: If its type is not defined; from the decoder, if a message is not of this type.
    """
    store, name = store_of(path, topic, definition)

    def decode(data: bytes) -> Any:
        try:
            return store.deserialize_cdr(data, name)
        except BROKEN as error:
            raise UndefinedTypeError(path, topic, definition.name, f"cannot be decoded ({error})") from error

    return decode


def header_ns(data: bytes) -> int:
    """Header time of a message that begins with a header or a time stamp, without decoding the rest; 0 if too short."""
    if len(data) < 12:
        return 0
    sec, nanosec = struct.unpack_from("<iI" if data[1] & LITTLE_ENDIAN else ">iI", data, 4)
    return int(sec) * 10**9 + int(nanosec)


@lru_cache(maxsize=64)
def _compiled(name: str, text: str) -> Typestore:
    """Types of one definition; the same text in the next recording is not compiled again."""
    store = get_typestore(Stores.EMPTY)
    store.register(get_types_from_msg(text, name))
    return store
