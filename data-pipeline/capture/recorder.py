"""Writes one MCAP file of ROS 2 messages, which appears under its name only when it is whole."""

import hashlib
import os
from collections import Counter
from collections.abc import Buffer
from io import BufferedWriter, FileIO
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, override

from mcap.writer import CompressionType, Writer

from physai.infrastructure.contracts import Digest

from . import messages

Compression = Literal["none", "lz4", "zstd"]
CHUNK = 4 * 2**20
"""Bytes of a chunk before compression: what a reader must unpack to see one message."""


class Recorder:
    """An MCAP file being written, beside its later name; profile `ros2`, a channel of CDR per topic, in chunks.

    A process that dies leaves it under `aside(path)`, with every chunk that was flushed. So does `keep`, after an
    exception; by default an exception leaves nothing.
    """

    def __init__(self, path: Path, *, compression: Compression = "zstd", keep: bool = False) -> None:
        self._path = path
        self._aside = aside(path)
        self._compression = CompressionType[compression.upper()]
        self._keep = keep
        self._channels: dict[str, int] = {}
        self.counts: Counter[str] = Counter()
        """Topic → messages so far."""

    def __enter__(self) -> Self:
        self._hashed = HashedFile(self._aside, "wb")
        self._file = BufferedWriter(self._hashed)
        self._writer = Writer(self._file, chunk_size=CHUNK, compression=self._compression)
        self._writer.start(profile="ros2", library="physai")
        return self

    def add_channel(self, topic: str, type_name: str, definition: bytes) -> None:
        """Announce a topic.

        Args:
            topic: As ROS names it.
            type_name: E.g. `sensor_msgs/msg/JointState`.
            definition: Of the type and all types in it, in the `ros2msg` form.
        """
        schema = self._writer.register_schema(type_name, "ros2msg", definition)
        self._channels[topic] = self._writer.register_channel(topic, "cdr", schema, {"offered_qos_profiles": ""})

    def write(self, topic: str, stamp_ns: int, message: Any) -> None:
        """Add a message, logged at its header time; its topic is announced with the first."""
        if topic not in self._channels:
            self.add_channel(topic, *messages.definition(message))
        self.write_raw(topic, messages.serialize(message), stamp_ns, stamp_ns)

    def write_raw(self, topic: str, data: bytes, log_ns: int, source_ns: int) -> None:
        """Add the CDR of a message of an announced topic, as it arrived."""
        self._writer.add_message(self._channels[topic], log_ns, data, source_ns, self.counts[topic])
        self.counts[topic] += 1

    def describe(self, facts: dict[str, str], name: str = "physai.episode") -> None:
        """Add a metadata record."""
        self._writer.add_metadata(name, facts)

    def flush(self) -> None:
        """End the chunk and hand it to the kernel: a killed process does not lose it any more."""
        self._writer.flush()  # type: ignore[no-untyped-call]  # mcap is typed in part

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._file.tell()

    @property
    def content(self) -> Digest:
        """Digest of the file; of the whole one after the end."""
        return f"sha256:{self._hashed.sha256.hexdigest()}"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        done = False
        try:
            if kind is None:
                self._writer.finish()  # type: ignore[no-untyped-call]  # mcap is typed in part
                self._file.flush()
                os.fsync(self._file.fileno())
                self._aside.replace(self._path)
                sync_folder(self._path.parent)
                done = True
        finally:
            try:
                self._file.close()
            finally:
                if not done and not self._keep:
                    self._aside.unlink(missing_ok=True)


class HashedFile(FileIO):
    """A file whose digest is known when it is written, so that nobody need read it again."""

    def __init__(self, path: Path, mode: str) -> None:
        super().__init__(path, mode)
        self.sha256 = hashlib.sha256()

    @override
    def write(self, data: Buffer, /) -> int:
        written = super().write(data)
        self.sha256.update(memoryview(data)[:written])
        return written


def aside(path: Path) -> Path:
    """Where a file is written until it is whole."""
    return path.with_name(f".{path.name}.part")


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, so that a power cut does not undo a rename."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
