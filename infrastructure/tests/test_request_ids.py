"""Requests to Azure leave no files open."""

import threading
import uuid
from pathlib import Path

from physai.infrastructure import request_ids


def clocks() -> int:
    """Files of libuuid that this process holds open."""
    return sum("libuuid" in str(file.readlink()) for file in Path("/proc/self/fd").iterdir() if file.is_symlink())


def test_identities_of_many_threads_differ_and_leave_no_file_open() -> None:
    request_ids.keep_no_files()
    made: set[uuid.UUID] = set()

    def make() -> None:
        made.update(uuid.uuid1() for _ in range(10))

    before = clocks()
    for _ in range(30):
        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
    assert len(made) == 300
    assert clocks() == before
