"""How a store uses the line that leads to it."""

from collections.abc import Callable
from typing import NamedTuple

Pace = Callable[[int], None]
"""Called with the size of what is about to be sent, in bytes; returns when it may be."""


def unpaced(_size_bytes: int) -> None:
    """Send at once."""


class Link(NamedTuple):
    """What the line can bear. The default suits a data centre; a robot on a mobile network wants smaller blocks."""

    block_bytes: int = 8 << 20
    """What an interruption costs at most, per thread."""
    threads: int = 4
    """Blocks of one file that are in flight."""
    retries: int = 3
    """Of one request, before the call fails."""
    pace: Pace = unpaced
