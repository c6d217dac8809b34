"""What stateful policies carry from one request to the next, kept in the host under a sequence's id.

Source: Triton's "Sequence Extension" of the Open Inference Protocol: `sequence_id`, `sequence_start`, `sequence_end`.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from ..errors import RequestError
from .protocol import Tensors

MAX_SESSIONS = 1024
IDLE_S = 300.0

Key = tuple[str, int | str]
"""Model and sequence."""


class Kept(NamedTuple):
    """A sequence that waits for its next request."""

    state: Tensors
    """By the name of the input; empty before the first answer."""
    used_s: float


class Sessions:
    """States by sequence, bounded in number, and forgotten when nobody asks for them."""

    def __init__(
        self,
        max_sessions: int = MAX_SESSIONS,
        idle_s: float = IDLE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start with none.

        Args:
            max_sessions: One more is refused.
            idle_s: After which a sequence that was not asked is forgotten.
            clock: In s, never going back.
        """
        self._max, self._idle_s, self._clock = max_sessions, idle_s, clock
        self._kept: OrderedDict[Key, Kept] = OrderedDict()  # the one that was asked last, last
        self._busy: set[Key] = set()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept) + len(self._busy)

    @contextmanager
    def step(self, key: Key, *, start: bool, end: bool) -> Iterator[Tensors]:
        """The state of a sequence, for one request; what the block writes into it is kept for the next.

        If the block fails, the sequence is as it was before.

        Args:
            key: Model and sequence.
            start: Whether this is its first request; what was kept under the id is forgotten.
            end: Whether it is the last.

        Raises:
            RequestError: If the sequence is unknown or expired, is being asked, or there are too many.
        """
        before = self._take(key, start=start)
        after, answered = dict(before), False
        try:
            yield after
            answered = True
        finally:
            with self._lock:
                self._busy.discard(key)
                if not (end if answered else start):
                    self._kept[key] = Kept(after if answered else before, self._clock())

    def _take(self, key: Key, *, start: bool) -> Tensors:
        with self._lock:
            self._expire()
            model, sequence = key
            if key in self._busy:
                raise RequestError(f"model '{model}': sequence {sequence!r} is being asked. Ask one at a time.", 409)
            kept = self._kept.pop(key, None)
            if kept is None and not start:
                raise RequestError(
                    f"model '{model}': sequence {sequence!r} is unknown, or was not asked for {self._idle_s:g} s. "
                    "Begin it with sequence_start."
                )
            if len(self) >= self._max:
                raise RequestError(f"{self._max} sequences are open. End one with sequence_end, or wait.", 503)
            self._busy.add(key)
            return {} if kept is None or start else kept.state

    def _expire(self) -> None:
        """Forget those that nobody asked for; the longest silent are first."""
        oldest_s = self._clock() - self._idle_s
        while self._kept and next(iter(self._kept.values())).used_s < oldest_s:
            self._kept.popitem(last=False)
