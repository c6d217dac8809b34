"""A clock that never jumps."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class SteadyClock:
    """The wall's time at the start, carried on by a clock that runs through suspend and that nobody can set.

    A robot's wall clock jumps: at the first sync after boot, by hand, by a broken time server. Events of one run keep
    their order and their distances all the same, and health events tell how far the wall has gone astray.
    """

    def __init__(
        self,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        elapsed_s: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
    ) -> None:
        self._wall, self.elapsed_s = wall, elapsed_s
        self._start, self._start_s = wall(), elapsed_s()

    def now(self) -> datetime:
        """Time to stamp an event with."""
        return self._start + timedelta(seconds=self.elapsed_s() - self._start_s)

    def offset_s(self) -> float:
        """How far the wall's clock is ahead of this one."""
        return (self._wall() - self.now()).total_seconds()
