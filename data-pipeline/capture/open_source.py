"""The source that was asked for."""

from pathlib import Path

from physai.infrastructure.contracts import RecordingConfig
from physai.infrastructure.ros2.definitions import Definitions

from .errors import UnavailableError
from .source import Kind, Source


def open_source(
    kind: Kind, config: RecordingConfig, definitions: Definitions, *, bag: Path | None, speed: float, domain: int | None
) -> Source:
    """Open a source of the topics of a config.

    Args:
        kind: Which.
        config: What is recorded.
        definitions: Of the message types.
        bag: What is played back.
        speed: Of the playback, times real time; 0: as fast as it can be taken.
        domain: DDS domain; None: 0.

    Raises:
        CaptureError: If a topic cannot be recorded so.
    """
    if kind is Kind.PLAYBACK:
        from .playback import Playback

        if bag is None:
            raise UnavailableError("source playback", "a recording: --bag FILE")
        return Playback(bag, definitions, {rule.topic: rule.type for rule in config.topics}, speed=speed)
    if kind is Kind.ROS2:
        from .ros2 import Ros2Source

        return Ros2Source(config.topics, definitions)
    from .dds.source import DdsSource

    return DdsSource(config.topics, definitions, domain or 0)
