"""Writes one MCAP file of ROS 2 messages, which appears under its name only when it is whole."""

import os
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mcap.writer import Writer

from . import messages


class Recorder:
    """An MCAP file being written, beside its later name; profile `ros2`, one chunk-compressed CDR channel a topic."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._aside = aside(path)
        self._channels: dict[str, int] = {}
        self.counts: Counter[str] = Counter()
        """Topic → messages so far."""

    def __enter__(self) -> Self:
        self._file = self._aside.open("wb")
        self._writer = Writer(self._file)
        self._writer.start(profile="ros2", library="physai")
        return self

    def write(self, topic: str, stamp_ns: int, message: Any) -> None:
        """Add a message, logged at its header time."""
        if topic not in self._channels:
            name, definition = messages.definition(message)
            schema = self._writer.register_schema(name, "ros2msg", definition)
            self._channels[topic] = self._writer.register_channel(topic, "cdr", schema, {"offered_qos_profiles": ""})
        data = messages.serialize(message)
        self._writer.add_message(self._channels[topic], stamp_ns, data, stamp_ns, self.counts[topic])
        self.counts[topic] += 1

    def describe(self, facts: dict[str, str]) -> None:
        """Add a metadata record `physai.episode`."""
        self._writer.add_metadata("physai.episode", facts)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._writer.finish()  # type: ignore[no-untyped-call]  # mcap is typed in part
                self._file.flush()
                os.fsync(self._file.fileno())
            self._file.close()
            if kind is None:
                self._aside.replace(self._path)
        finally:
            self._aside.unlink(missing_ok=True)


def aside(path: Path) -> Path:
    """Where a file is written until it is whole."""
    return path.with_name(f".{path.name}.part")
