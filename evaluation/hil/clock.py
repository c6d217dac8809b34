"""How far a device's clock is from ours."""

import time
from collections.abc import Callable

from pydantic import Field

from physai.infrastructure.contracts import Contract

EXCHANGES = 16


class ClockOffset(Contract):
    """The device's clock minus ours."""

    offset_s: float
    uncertainty_s: float = Field(ge=0)
    """Half of the shortest round trip: the truth is no further away."""


def measure_offset(ask: Callable[[], int], clock: Callable[[], int] = time.time_ns) -> ClockOffset:
    """Ask the time a few times and believe the exchange with the shortest round trip.

    Source: Cristian 1989, doi:10.1007/BF01784024.

    Args:
        ask: The device's time, in ns since 1970.
        clock: Ours, likewise.
    """
    exchanges = []
    for _ in range(EXCHANGES):
        before = clock()
        theirs = ask()
        after = clock()
        exchanges.append((after - before, theirs - (before + after) / 2))
    round_trip, offset = min(exchanges)
    return ClockOffset(offset_s=offset / 1e9, uncertainty_s=round_trip / 2e9)
