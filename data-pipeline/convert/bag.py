"""Reads recordings without ROS, message by message: an MCAP file, or a rosbag2 folder of MCAP or SQLite files."""

import struct
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple, override

from mcap.data_stream import ReadDataStream
from mcap.exceptions import EndOfFile, McapError
from mcap.opcode import Opcode
from mcap.records import Channel, Chunk, McapRecord, Message, Schema, Statistics
from mcap.stream_reader import StreamReader, get_chunk_data_stream
from rosbags.interfaces import MessageDefinitionFormat
from rosbags.rosbag2 import Reader, ReaderError
from rosbags.typesys import Stores
from zstandard import ZstdError

from physai.infrastructure.errors import MissingFileError

from .errors import NoBagError, TornRecordingError
from .layout import Layout
from .types import Decoder, Definition, decoder_of, store_of

TORN = (
    McapError,
    MemoryError,
    struct.error,
    OSError,
    EOFError,
    ValueError,
    KeyError,
    OverflowError,
    RuntimeError,
    ZstdError,
)
"""What the readers and their decompressors raise on damaged bytes."""
RECORD = struct.Struct("<BQ")  # opcode, length
MESSAGE = struct.Struct("<HIQQ")  # channel, sequence, log time, publish time. Source: mcap.dev/spec, section "Message"
DISTROS = {"humble": Stores.ROS2_HUMBLE, "iron": Stores.ROS2_IRON, "jazzy": Stores.ROS2_JAZZY}


class Raw(NamedTuple):
    """A message as it was recorded."""

    topic: str
    data: bytes
    """CDR."""
    log_ns: int
    """When the recorder wrote it, by the recorder's clock."""


class Bag(ABC):
    """One recording; it can be read again and again, and is never in memory as a whole."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._definitions: dict[str, Definition] = {}
        self._decoders: dict[str, Decoder] = {}

    @abstractmethod
    def messages(self, wanted: Callable[[str], bool]) -> Iterator[Raw]:
        """Messages of the wanted topics in the order in which they were recorded.

        Raises:
            TornRecordingError: If the recording is not whole.
        """

    def type_of(self, topic: str) -> str:
        """Type of a topic that had a message."""
        return self._definitions[topic].name

    def decode(self, raw: Raw) -> Any:
        """A message; fields as in the ROS definition, arrays as numpy.

        Raises:
            UndefinedTypeError: If its type is not defined, or the message is not of this type.
        """
        decoder = self._decoders.get(raw.topic)
        if decoder is None:
            decoder = decoder_of(self.path, raw.topic, self._definitions[raw.topic])
            self._decoders[raw.topic] = decoder
        return decoder(raw.data)

    def layout(self, raw: Raw) -> Layout:
        """Where the numbers of a message lie.

        Raises:
            LayoutError: If they cannot be found without decoding.
        """
        return Layout(*store_of(self.path, raw.topic, self._definitions[raw.topic]), raw.data)


class McapBag(Bag):
    """One or more MCAP files. Nothing is believed that no checksum covers, so not the index at the end of a file."""

    def __init__(self, path: Path, files: Collection[Path]) -> None:
        super().__init__(path)
        self._files = files

    @override
    def messages(self, wanted: Callable[[str], bool]) -> Iterator[Raw]:
        for file in self._files:
            yield from self._file(file, wanted)

    def _file(self, path: Path, wanted: Callable[[str], bool]) -> Iterator[Raw]:
        schemas: dict[int, Schema] = {}
        channels: dict[int, Channel] = {}
        messages = 0
        try:
            with path.open("rb") as file:
                limit = path.stat().st_size + 1  # no record is longer than its file
                reader = StreamReader(file, emit_chunks=True, validate_crcs=True, record_size_limit=limit)
                for record in _unpacked(reader.records):
                    if isinstance(record, Schema):
                        schemas[record.id] = record
                    elif isinstance(record, Channel):
                        channels[record.id] = record
                        self._definitions[record.topic] = _definition(schemas.get(record.schema_id))
                    elif isinstance(record, Message):
                        messages += 1
                        topic = channels[record.channel_id].topic
                        if wanted(topic):
                            yield Raw(topic, record.data, record.log_time)
                    elif isinstance(record, Statistics) and record.message_count != messages:
                        raise EndOfFile
        except TORN as error:
            raise TornRecordingError(path, str(error) or type(error).__name__) from error


class SqliteBag(Bag):
    """A rosbag2 folder with SQLite files."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            with Reader(path):
                return
        except (ReaderError, *TORN) as error:
            raise NoBagError(path, str(error)) from error

    @override
    def messages(self, wanted: Callable[[str], bool]) -> Iterator[Raw]:
        try:
            with Reader(self.path) as reader:
                fallback = DISTROS.get(reader.ros_distro or "humble", Stores.ROS2_HUMBLE)
                for connection in reader.connections:
                    text = connection.msgdef.data if connection.msgdef.format == MessageDefinitionFormat.MSG else ""
                    encoding = "ros2msg" if text else "none"
                    self._definitions[connection.topic] = Definition(connection.msgtype, encoding, text, fallback)
                chosen = [connection for connection in reader.connections if wanted(connection.topic)]
                for connection, log_ns, data in reader.messages(chosen) if chosen else ():
                    yield Raw(connection.topic, bytes(data), log_ns)
        except (ReaderError, *TORN) as error:
            raise TornRecordingError(self.path, str(error) or type(error).__name__) from error


def open_bag(path: Path) -> Bag:
    """Open a recording.

    Args:
        path: An MCAP file, or a rosbag2 folder with its `metadata.yaml`.

    Raises:
        MissingFileError: If there is none.
        NoBagError: If it is something else.
    """
    if not path.exists():
        raise MissingFileError(path, "recording", "Check the path; it is an MCAP file or a rosbag2 folder.")
    if path.is_file():
        return McapBag(path, [path])
    files = sorted(path.glob("*.mcap"), key=_split_number)
    return McapBag(path, files) if files else SqliteBag(path)


def is_bag(path: Path) -> bool:
    """Whether a folder is a rosbag2 recording."""
    return (path / "metadata.yaml").is_file()


def _unpacked(records: Iterator[McapRecord]) -> Iterator[McapRecord]:
    """Records, and in place of a chunk those in it; five times as fast as the reader's own way through a chunk."""
    for record in records:
        if isinstance(record, Chunk):
            stream, size = get_chunk_data_stream(record, validate_crc=True)
            yield from _inside(stream.read(size))
        else:
            yield record


def _inside(chunk: bytes) -> Iterator[McapRecord]:
    end = 0
    while end < len(chunk):
        opcode, length = RECORD.unpack_from(chunk, end)
        start = end + RECORD.size
        end = start + length
        if end > len(chunk):
            raise EndOfFile
        if opcode == Opcode.MESSAGE:
            channel, sequence, log_ns, publish_ns = MESSAGE.unpack_from(chunk, start)
            yield Message(channel, log_ns, chunk[start + MESSAGE.size : end], publish_ns, sequence)
        elif opcode in (Opcode.SCHEMA, Opcode.CHANNEL):
            stream = ReadDataStream(BytesIO(chunk[start:end]))
            yield Schema.read(stream) if opcode == Opcode.SCHEMA else Channel.read(stream)


def _definition(schema: Schema | None) -> Definition:
    if schema is None:
        return Definition("?", "none", "", None)
    return Definition(schema.name, schema.encoding, schema.data.decode(errors="replace"), None)


def _split_number(path: Path) -> tuple[int, str]:
    """rosbag2 numbers the files of a split bag without leading zeros: `bag_2.mcap` comes before `bag_10.mcap`."""
    number = path.stem.rpartition("_")[2]
    return (int(number) if number.isdecimal() else 0), path.name
