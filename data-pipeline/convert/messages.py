"""Decoded messages of a recording, for whoever wants to look at them one by one."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .bag import open_bag


def read_messages(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, Any]]:
    """Decoded messages of the wanted topics, in the order in which they were recorded.

    Args:
        path: An MCAP file, or a rosbag2 folder.
        wanted: Tells of a topic whether to decode it.

    Yields:
        Topic and message; fields as in the ROS definition, arrays as numpy.

    Raises:
        TornRecordingError: If the recording is not whole.
        UndefinedTypeError: If a message cannot be decoded by the definition in the recording.
    """
    bag = open_bag(path)
    for raw in bag.messages(wanted):
        yield raw.topic, bag.decode(raw)
