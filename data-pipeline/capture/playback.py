"""A recording as a source: MCAP, or a rosbag2 folder of MCAP or SQLite, in real time or as fast as it goes."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import override

from rosbags.interfaces import Connection, MessageDefinitionFormat
from rosbags.rosbag2 import Reader, ReaderError

from physai.infrastructure.errors import MissingFileError, PhysaiError
from physai.infrastructure.ros2.definitions import Definitions, defines_header

from .buffer import Buffer
from .errors import OtherTypeError, PlaybackError, UnavailableError
from .sample import Sample
from .source import Channel, Health, Source

READ_ERRORS = (ReaderError, OSError, ValueError, KeyError, AssertionError)
"""What rosbags raises on a recording that is damaged or none."""


class Playback(Source):
    """Hands over what was recorded, with the log times of the recording, and waits for the disk where it must."""

    def __init__(self, path: Path, definitions: Definitions, topics: dict[str, str], *, speed: float = 1.0) -> None:
        """Open it.

        Args:
            path: An MCAP file or a rosbag2 folder.
            definitions: For types whose definition the recording lacks.
            topics: Which of its topics to play, and their types.
            speed: Times real time; 0: as fast as it can be taken.

        Raises:
            MissingFileError: If there is none.
            PlaybackError: If it cannot be read.
            Ros2Error: If a type is defined neither in it nor by ROS 2.
        """
        if not path.exists():
            raise MissingFileError(path, "recording", "Check the path; it is an MCAP file or a rosbag2 folder.")
        self._path, self._speed = path, speed
        try:
            self._reader = Reader(path)
            self._reader.open()
        except READ_ERRORS as error:
            raise PlaybackError(path, str(error)) from error
        try:
            self._connections = [found for found in self._reader.connections if found.topic in topics]
            self.channels = {
                found.topic: _channel(path, found, topics[found.topic], definitions) for found in self._connections
            }
        except PhysaiError:
            self._reader.close()
            raise
        self._now_ns = self._reader.start_time
        self._ended, self._stop = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._error: PlaybackError | None = None

    @override
    def serve(self, service: str, fire: Callable[[], None]) -> None:
        """A recording answers no calls.

        Raises:
            UnavailableError: Always.
        """
        raise UnavailableError(f"service {service}", "a robot: a recording that is played answers no calls")

    def start(self, buffer: Buffer) -> None:
        """Begin to play."""
        self._thread = threading.Thread(target=self._play, args=(buffer,), name="playback", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether all was handed over.

        Raises:
            PlaybackError: If the rest cannot be read.
        """
        if self._ended.is_set() and self._error:
            raise self._error
        return self._ended.is_set()

    def now_ns(self) -> int:
        """Log time of the latest message."""
        return self._now_ns

    @override
    def health(self, *, settled: bool = False) -> Health:
        """Nothing is lost on the way from a file."""
        return Health(lost=dict.fromkeys(self.channels, 0))

    def finish(self) -> None:
        """Play no further."""
        self._stop.set()

    def close(self) -> None:
        """Stop, and close the file."""
        self._stop.set()
        if self._thread:
            self._thread.join()
        self._reader.close()

    def _play(self, buffer: Buffer) -> None:
        begun = time.monotonic()
        try:
            for connection, log_ns, data in self._reader.messages(self._connections):
                if self._speed:
                    due_s = (log_ns - self._reader.start_time) / 1e9 / self._speed
                    self._stop.wait(max(0.0, due_s - (time.monotonic() - begun)))
                if self._stop.is_set():
                    return
                buffer.put_when_room(Sample(connection.topic, bytes(data), log_ns, log_ns, connection.id))
                self._now_ns = max(self._now_ns, log_ns)
        except READ_ERRORS as error:
            self._error = PlaybackError(self._path, str(error))
        finally:
            self._ended.set()


def _channel(path: Path, connection: Connection, asked: str, definitions: Definitions) -> Channel:
    if connection.msgtype != asked:
        raise OtherTypeError(path, connection.topic, connection.msgtype, asked)
    if connection.msgdef.format is MessageDefinitionFormat.MSG:
        text = connection.msgdef.data.encode()
        return Channel(connection.msgtype, text, defines_header(text))
    definitions.require(f"{path}: {connection.topic}", connection.msgtype)
    return Channel(connection.msgtype, definitions.text(connection.msgtype), definitions.has_header(connection.msgtype))
