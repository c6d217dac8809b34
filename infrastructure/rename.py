"""Renames of Linux that Python does not offer: exchanging two names, and never replacing a file."""

import ctypes
import os
from pathlib import Path

AT_FDCWD = -100  # linux/fcntl.h
NO_REPLACE, EXCHANGE = 1, 2  # linux/fs.h


def exchange(one: Path, other: Path) -> None:
    """Let two files or folders change names, in one step.

    Raises:
        OSError: If the file system cannot, or one is missing.
    """
    _renameat2(one, other, EXCHANGE)


def rename_new(part: Path, target: Path) -> None:
    """Give a file its name, unless something has that name already.

    Raises:
        FileExistsError: If something is there.
        OSError: If the file system cannot rename so.
    """
    _renameat2(part, target, NO_REPLACE)


def _renameat2(source: Path, target: Path, flags: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(AT_FDCWD, os.fsencode(source), AT_FDCWD, os.fsencode(target), flags) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(target))
