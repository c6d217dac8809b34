"""The robot's memory of its episodes: one CloudEvent a line, on the disk before the next one begins."""

import os
from pathlib import Path

from pydantic import ValidationError

from physai.infrastructure.contracts import EpisodeEvent

from ..errors import EventLogError


class EventLog:
    """An append-only file. A line that was cut off by a power cut was never acknowledged, and is dropped."""

    def __init__(self, path: Path) -> None:
        """Open a log, or prepare to begin one.

        Raises:
            EventLogError: If a whole line is no telemetry event.
        """
        self.path = path
        self.events = _read(path)
        """Every event in the log, in order."""

    def append(self, event: EpisodeEvent) -> None:
        """Add one event; when this returns, it is on the disk."""
        line = event.model_dump_json().encode() + b"\n"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            written = os.write(descriptor, line)
            if written != len(line):  # the disk is full: leave no half line for the next append to join
                os.ftruncate(descriptor, os.fstat(descriptor).st_size - written)
                raise OSError(28, os.strerror(28), str(self.path))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self.events.append(event)

    def episodes(self, robot: str, release: str) -> set[int]:
        """Numbers of the episodes already told for a robot and release."""
        return {
            event.data.episode for event in self.events if (event.data.robot, event.data.release) == (robot, release)
        }


def _read(path: Path) -> list[EpisodeEvent]:
    if not path.exists():
        return []
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        os.truncate(path, len(whole))
    events = []
    for number, line in enumerate(whole.splitlines(), start=1):
        try:
            events.append(EpisodeEvent.model_validate_json(line))
        except ValidationError as error:
            raise EventLogError(path, number, error.errors()[0]["msg"]) from error
    return events
