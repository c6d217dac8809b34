"""Writing aside: what is half done lies under a name that nobody reads, and is renamed when it is whole."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the one lock of `path`, a file that is created for it. The kernel lets go when a process dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def alone(aside: Path, *, unless: Path) -> Iterator[bool]:
    """Be the only process in the folder `aside`, which is created; False if `unless` is there already."""
    aside.parent.mkdir(parents=True, exist_ok=True)
    while not unless.exists():
        descriptor = _lock_folder(aside)
        if descriptor is None:
            continue  # another process has just renamed it
        try:
            yield True
        finally:
            os.close(descriptor)
        return
    yield False


def _lock_folder(folder: Path) -> int | None:
    """A locked descriptor of `folder`, or None if the name stands for another folder by the time it is locked."""
    folder.mkdir(exist_ok=True)
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return None
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    if folder.exists() and os.fstat(descriptor).st_ino == folder.stat().st_ino:
        return descriptor
    os.close(descriptor)
    return None


def sync_folder(folder: Path) -> None:
    """Bring a folder and its files to the disk, so that a rename after it is not overtaken by a power cut."""
    for path in [*folder.rglob("*"), folder]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
