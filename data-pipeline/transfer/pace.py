"""How fast and when the line may be used."""

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from datetime import time as clock_time
from typing import NamedTuple

from .errors import WindowError


class Bandwidth:
    """Lets bytes through at a rate; what was not used in the past second may be used at once."""

    def __init__(
        self,
        bytes_per_s: float,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate = bytes_per_s
        self._now, self._sleep = now, sleep
        self._lock = threading.Lock()
        self._free_at = now()

    def __call__(self, size_bytes: int) -> None:
        """Wait until `size_bytes` may be sent."""
        with self._lock:
            start = max(self._free_at, self._now() - 1.0)
            self._free_at = start + size_bytes / self._rate
            wait_s = start - self._now()
        if wait_s > 0:
            self._sleep(wait_s)


class Window(NamedTuple):
    """A time of day, local; may go over midnight."""

    start: clock_time
    end: clock_time

    @classmethod
    def parse(cls, text: str) -> "Window":
        """Read `22:00-06:00`.

        Raises:
            WindowError: If it is something else.
        """
        try:
            start, end = (clock_time.fromisoformat(part.strip()) for part in text.split("-"))
        except ValueError as error:
            raise WindowError(text) from error
        return cls(start, end)

    def holds(self, moment: datetime) -> bool:
        """Whether a moment is inside."""
        at = moment.time()
        if self.start <= self.end:
            return self.start <= at < self.end
        return at >= self.start or at < self.end


def wait_s(windows: tuple[Window, ...], moment: datetime) -> float:
    """How long until one of the windows is open; 0 if one is, or if there are none."""
    if not windows or any(window.holds(moment) for window in windows):
        return 0.0
    openings = [datetime.combine(moment.date(), window.start, moment.tzinfo) for window in windows]
    return min((at if at > moment else at + timedelta(days=1)).timestamp() for at in openings) - moment.timestamp()
