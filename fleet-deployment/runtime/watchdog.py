"""Looks at a step loop from outside, and stops the robot when the loop no longer moves."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from .loop import StepLoop


@contextmanager
def watched(loop: StepLoop, periods: float = 10.0) -> Iterator[None]:
    """Watch a loop while it runs.

    Args:
        loop: That is run in this block.
        periods: Control periods without a step after which the robot is stopped for good.
    """
    limit_s = periods * loop.period_s
    over = threading.Event()

    def watch() -> None:
        while not over.wait(loop.period_s):
            silent_s = time.monotonic() - loop.beat_s
            if silent_s > limit_s:
                loop.halt(f"no step for {silent_s * 1e3:.0f} ms")
                return

    loop.beat_s = time.monotonic()
    thread = threading.Thread(target=watch, name="watchdog", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
