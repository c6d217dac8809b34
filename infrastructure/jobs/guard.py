"""Ends the processes of a run whose engine was killed.

A process of its own, which reads lines `+123` and `-123` (process groups that began and ended) from its standard input.
The engine holds the other end; when the engine dies, however it dies, the input ends and the groups that are left are
killed. It uses the standard library only, so that it starts in milliseconds.
"""

import os
import signal
import sys
from collections.abc import Iterable


def kill_left(lines: Iterable[str]) -> None:
    """Follow the lines to their end, then kill the groups that have begun and not ended."""
    groups: set[int] = set()
    for line in lines:
        group = int(line[1:])
        if line.startswith("+"):
            groups.add(group)
        else:
            groups.discard(group)
    for group in groups:
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            continue  # it ended by itself


if __name__ == "__main__":
    kill_left(sys.stdin)
