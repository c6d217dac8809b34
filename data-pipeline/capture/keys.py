"""Listens to keys of the terminal."""

import os
import select
import sys
import termios
import threading
import tty
from collections.abc import Callable

from .errors import UnavailableError

WAIT_S = 0.1


class Keys:
    """Fires for each key that somebody waits for, without Enter. The terminal is as before after `close`."""

    def __init__(self, fire: dict[str, Callable[[], None]]) -> None:
        """Begin to listen.

        Args:
            fire: Key → what to call.

        Raises:
            UnavailableError: If there is no terminal.
        """
        self._fire = fire
        self._fd = sys.stdin.fileno()
        if not os.isatty(self._fd):
            raise UnavailableError(f"key {', '.join(fire)}", "a terminal; run the recorder in one, or use a service")
        self._before = termios.tcgetattr(self._fd)
        tty.setcbreak(self._fd)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="keys", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._stop.set()
        self._thread.join()
        termios.tcsetattr(self._fd, termios.TCSADRAIN, self._before)

    def _listen(self) -> None:
        while not self._stop.is_set():
            ready, _, _ = select.select([self._fd], [], [], WAIT_S)
            if ready and (fire := self._fire.get(os.read(self._fd, 1).decode(errors="replace"))):
                fire()
