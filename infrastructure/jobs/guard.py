"""Ends the processes of a run whose engine was killed.

A process of its own, which reads lines `+word 123` (the process group 123 begins) and `-word` (it has ended) from its
standard input. Engine and tasks hold the other end, tasks only until their command begins; when the engine dies,
however it dies, the input ends and the groups that are left are killed. It uses the standard library only, so that it
starts in milliseconds.
"""

import os
import signal
import sys
from collections.abc import Iterable


def kill_left(lines: Iterable[str]) -> None:
    """Follow the lines to their end, then kill the groups that have begun and not ended."""
    groups: dict[str, int] = {}
    for line in lines:
        word, _, group = line[1:].strip().partition(" ")
        if line.startswith("+"):
            groups[word] = int(group)
        else:
            groups.pop(word, None)
    for left in groups.values():
        try:
            os.killpg(left, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # it ended by itself; or it became another user's
            continue


if __name__ == "__main__":
    kill_left(sys.stdin)
