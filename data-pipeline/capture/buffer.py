"""Between the source and the disk: takes at once, holds so much, and counts what it has no room for."""

import threading
import time
from collections import Counter, deque

from .sample import Sample

WAKE_S = 0.1


class Buffer:
    """A queue bounded by bytes. `put` never waits: a message without room is dropped, and counted by topic."""

    def __init__(self, capacity: int) -> None:
        """Args: capacity: Bytes of messages that may wait."""
        self._capacity = capacity
        self._samples: deque[Sample] = deque()
        self._bytes = 0
        self._taken = 0
        self._filled = threading.Condition()
        self._dropped: Counter[str] = Counter()
        self._closed = False

    def put(self, sample: Sample) -> None:
        """Take a sample, or count it as dropped."""
        with self._filled:
            if self._bytes + len(sample.data) > self._capacity:
                self._dropped[sample.topic] += 1
                return
            self._bytes += len(sample.data)
            self._samples.append(sample)
            self._filled.notify_all()

    def put_when_room(self, sample: Sample) -> None:
        """Take a sample as soon as there is room: for a source that can wait, such as a file."""
        with self._filled:
            while self._bytes and self._bytes + len(sample.data) > self._capacity and not self._closed:
                self._filled.wait(WAKE_S)
            self._bytes += len(sample.data)
            self._samples.append(sample)
            self._filled.notify_all()

    def close(self) -> None:
        """Let go of who waits for room."""
        with self._filled:
            self._closed = True
            self._filled.notify_all()

    def take(self, timeout_s: float) -> tuple[list[Sample], Counter[str]]:
        """All samples that wait, in order of arrival, and how many were dropped per topic since the last call.

        What is taken still occupies its room until the next call, so that memory stays within the capacity.

        Args:
            timeout_s: How long to wait for the first.
        """
        until = time.monotonic() + timeout_s
        with self._filled:
            self._bytes -= self._taken
            self._filled.notify_all()
            while not self._samples and (left := until - time.monotonic()) > 0:
                self._filled.wait(left)
            taken, dropped = list(self._samples), self._dropped
            self._taken = sum(len(sample.data) for sample in taken)
            self._samples.clear()
            self._dropped = Counter()
        return taken, dropped
