"""Writing a download: aside, resumable, verified, renamed."""

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ..aside import SUFFIX, is_open_at
from ..contracts import Digest, digest_file
from .errors import DamagedError

Read = Callable[[int], Iterator[bytes]]
"""The bytes of a file from an offset to its end, in pieces."""


def receive(path: Path, where: str, size_bytes: int, digest: Digest | None, read: Read) -> Digest:
    """Bring a file to `path`.

    Args:
        path: Appears whole, or stays as it was.
        where: What is read, for errors.
        size_bytes: Of the whole file.
        digest: What it must be; None if nobody knows, then nothing is resumed.
        read: Where the bytes come from.

    Raises:
        DamagedError: If the bytes are others.
    """
    if digest and path.is_file() and path.stat().st_size == size_bytes and digest_file(path) == digest:
        return digest
    path.parent.mkdir(parents=True, exist_ok=True)
    mark = digest.removeprefix("sha256:")[:16] if digest else f"{os.getpid()}"
    with _aside(path.with_name(f".{path.name}.{mark}{SUFFIX}")) as file:
        resumed = _continue(file, size_bytes if digest else 0)
        got = _finish(file, read)
        if digest and got != digest and resumed:  # the piece from before was bad: once more from the start
            file.truncate(0)
            got = _finish(file, read)
        if digest and got != digest:
            raise DamagedError(where, digest, got)
        file.flush()
        os.fsync(file.fileno())
        Path(file.name).replace(path)
    return got


@contextmanager
def _aside(path: Path) -> Iterator[BinaryIO]:
    """The file `path`, ours alone; it stays after an interruption, and goes if its content or the disk is at fault."""
    with _locked(path) as file:
        try:
            yield file
        except (DamagedError, OSError):
            path.unlink(missing_ok=True)
            raise


def _locked(path: Path) -> BinaryIO:
    """Open the file `path` and hold its lock; the kernel lets go when the process dies."""
    while True:
        file = path.open("a+b")
        fcntl.flock(file, fcntl.LOCK_EX)
        if is_open_at(file.fileno(), path):
            return file
        file.close()  # another process has just finished the same file


def _continue(file: BinaryIO, limit_bytes: int) -> bool:
    """Whether there is a piece from before that can be continued; one beyond the limit is dropped."""
    there = file.seek(0, os.SEEK_END)
    if there > limit_bytes:
        file.truncate(0)
        there = 0
    return there > 0


def _finish(file: BinaryIO, read: Read) -> Digest:
    """Digest of the file, after the bytes that it lacks were added."""
    file.seek(0)
    sha256 = hashlib.sha256()
    while block := file.read(1 << 20):
        sha256.update(block)
    for block in read(file.tell()):
        file.write(block)
        sha256.update(block)
    return f"sha256:{sha256.hexdigest()}"
