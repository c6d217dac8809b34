"""The priority of this process's threads, kept as it was against a library that raises it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

TASKS = Path("/proc/self/task")


@contextmanager
def ordinary_priority() -> Iterator[None]:
    """Take back the real-time priority that threads get inside.

    As root, which containers and CI often are, SVT-AV1 makes the thread that opens an encoder `SCHED_FIFO` 99, and its
    own threads too. The caller keeps that for good, all that it starts inherits it, and ordinary processes, some of the
    kernel's among them, no longer get the processor. Seen with SVT-AV1 3.0.0 in PyAV 15.1.
    """
    policy, param = os.sched_getscheduler(0), os.sched_getparam(0)
    before = _real_time()
    try:
        yield
    finally:
        for thread in _real_time() - before:
            with suppress(ProcessLookupError):  # it ended
                os.sched_setscheduler(thread, policy, param)


def _real_time() -> set[int]:
    """Threads of this process that go before all ordinary ones."""
    found = set()
    for task in TASKS.iterdir():
        with suppress(ProcessLookupError):
            if os.sched_getscheduler(int(task.name)) == os.SCHED_FIFO:
                found.add(int(task.name))
    return found
