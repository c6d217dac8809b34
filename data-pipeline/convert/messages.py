"""Decodes the ROS 2 messages of an MCAP file by the type definitions in the file itself."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from struct import error as struct_error
from typing import Any

from mcap.exceptions import McapError
from mcap.reader import make_reader
from mcap.records import Schema
from rosbags.serde import SerdeError
from rosbags.typesys import Stores, TypesysError, get_types_from_msg, get_typestore

from .errors import TornRecordingError, UndefinedTypeError

Decoder = Callable[[bytes], Any]

TORN = (McapError, struct_error, OSError, EOFError, ValueError, KeyError, RuntimeError)
"""What the MCAP reader and its decompressors raise on damaged bytes."""


def read_messages(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, Any]]:
    """Decoded messages of the wanted topics, in order of log time.

    Args:
        path: An MCAP file.
        wanted: Tells of a topic whether to decode it.

    Yields:
        Topic and message; fields as in the ROS definition, arrays as numpy.

    Raises:
        TornRecordingError: If the file is not whole.
        UndefinedTypeError: If a message cannot be decoded by the definition in the file.
    """
    with path.open("rb") as file:
        for schema, topic, data in _records(path, file, wanted):
            if schema is None or schema.encoding != "ros2msg":
                encoding = schema.encoding if schema else "none"
                raise UndefinedTypeError(path, topic, schema.name if schema else "?", f"schema encoding {encoding}")
            try:
                yield topic, _decoder(schema.name, schema.data)(data)
            except (SerdeError, TypesysError, KeyError, struct_error, UnicodeDecodeError) as error:
                raise UndefinedTypeError(path, topic, schema.name, f"cannot be decoded ({error})") from error


def _records(path: Path, file: Any, wanted: Callable[[str], bool]) -> Iterator[tuple[Schema | None, str, bytes]]:
    try:
        reader = make_reader(file, validate_crcs=True)
        summary = reader.get_summary()
        topics = [channel.topic for channel in summary.channels.values()] if summary else []
        for schema, channel, message in reader.iter_messages([topic for topic in topics if wanted(topic)]):
            yield schema, channel.topic, message.data
    except TORN as error:
        raise TornRecordingError(path, error or type(error).__name__) from error


@lru_cache(maxsize=64)
def _decoder(name: str, definition: bytes) -> Decoder:
    """Decoder of one type; the same definition in the next file is not compiled again."""
    store = get_typestore(Stores.EMPTY)
    full = name if "/msg/" in name else name.replace("/", "/msg/", 1)
    store.register(get_types_from_msg(definition.decode(), full))
    return lambda data: store.deserialize_cdr(data, full)
