"""Decodes the ROS 2 messages of an MCAP file by the type definitions in the file itself."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from struct import error as struct_error
from typing import Any

from mcap.exceptions import EndOfFile, McapError
from mcap.records import Channel, Message, Schema, Statistics
from mcap.stream_reader import StreamReader
from rosbags.serde import SerdeError
from rosbags.typesys import Stores, TypesysError, get_types_from_msg, get_typestore
from zstandard import ZstdError

from .errors import TornRecordingError, UndefinedTypeError

Decoder = Callable[[bytes], Any]

TORN = (McapError, struct_error, OSError, EOFError, ValueError, KeyError, OverflowError, RuntimeError, ZstdError)
"""What the MCAP reader and its decompressors raise on damaged bytes."""


def read_messages(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, Any]]:
    """Decoded messages of the wanted topics, in the order of the file.

    Args:
        path: An MCAP file.
        wanted: Tells of a topic whether to decode it.

    Yields:
        Topic and message; fields as in the ROS definition, arrays as numpy.

    Raises:
        TornRecordingError: If the file is not whole.
        UndefinedTypeError: If a message cannot be decoded by the definition in the file.
    """
    for schema, topic, data in _records(path, wanted):
        if schema is None or schema.encoding != "ros2msg":
            encoding = schema.encoding if schema else "none"
            raise UndefinedTypeError(path, topic, schema.name if schema else "?", f"schema encoding {encoding}")
        try:
            yield topic, _decoder(schema.name, schema.data)(data)
        except (SerdeError, TypesysError, KeyError, struct_error, UnicodeDecodeError) as error:
            raise UndefinedTypeError(path, topic, schema.name, f"cannot be decoded ({error})") from error


def _records(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[Schema | None, str, bytes]]:
    """Messages in the order of the file; nothing is believed that no checksum covers, so not the index at its end."""
    content = BytesIO(path.read_bytes())  # in memory, since a damaged length makes a plain file allocate that much
    schemas: dict[int, Schema] = {}
    channels: dict[int, Channel] = {}
    messages = 0
    try:
        for record in StreamReader(content, validate_crcs=True).records:
            if isinstance(record, Schema):
                schemas[record.id] = record
            elif isinstance(record, Channel):
                channels[record.id] = record
            elif isinstance(record, Message):
                messages += 1
                channel = channels[record.channel_id]
                if wanted(channel.topic):
                    yield schemas.get(channel.schema_id), channel.topic, record.data
            elif isinstance(record, Statistics) and record.message_count != messages:
                raise EndOfFile
    except TORN as error:
        raise TornRecordingError(path, str(error) or type(error).__name__) from error


@lru_cache(maxsize=64)
def _decoder(name: str, definition: bytes) -> Decoder:
    """Decoder of one type; the same definition in the next file is not compiled again."""
    store = get_typestore(Stores.EMPTY)
    full = name if "/msg/" in name else name.replace("/", "/msg/", 1)
    store.register(get_types_from_msg(definition.decode(), full))
    return lambda data: store.deserialize_cdr(data, full)
