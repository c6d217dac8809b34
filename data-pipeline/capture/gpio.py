"""Listens to an input line of the machine through the kernel's GPIO character device."""

import threading
from collections.abc import Callable
from datetime import timedelta

from physai.infrastructure.contracts import GpioTrigger

from .errors import UnavailableError

WAIT = timedelta(milliseconds=100)


class Line:
    """Fires at each edge."""

    def __init__(self, trigger: GpioTrigger, fire: Callable[[], None]) -> None:
        """Take the line and begin to listen.

        Raises:
            UnavailableError: If the library, the chip or the line is not there, or somebody else has it.
        """
        where = f"line {trigger.line} of {trigger.chip}"
        try:
            import gpiod
            from gpiod.line import Bias, Edge
        except ImportError as error:
            raise UnavailableError(where, "the library gpiod: pip install 'physai-data-pipeline[gpio]'") from error
        settings = gpiod.LineSettings(
            edge_detection=Edge[trigger.edge.upper()],
            bias=Bias[trigger.bias.replace("-", "_").upper()],
            debounce_period=timedelta(seconds=trigger.debounce_s),
        )
        try:
            self._request = gpiod.request_lines(trigger.chip, {trigger.line: settings}, consumer="physai")
        except (OSError, ValueError) as error:
            raise UnavailableError(where, f"an input line that is free ({error})") from error
        self._fire = fire
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="gpio", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Give the line back."""
        self._stop.set()
        self._thread.join()
        self._request.release()

    def _listen(self) -> None:
        while not self._stop.is_set():
            if self._request.wait_edge_events(WAIT):
                for _ in self._request.read_edge_events():
                    self._fire()
