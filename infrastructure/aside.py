"""Writing aside: what is half done lies under a name that nobody reads, and appears by a rename when it is whole."""

import fcntl
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import PhysaiError

SUFFIX = ".part"


class OccupiedError(PhysaiError):
    """Something is already where a result was to appear."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path}: exists already. Remove it, or name another.")


class BusyError(PhysaiError):
    """Another process is writing the same result."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path}: another process is writing it. Wait for it, or name another.")


def is_aside(name: str) -> bool:
    """Whether a file or folder of this name is half done."""
    return name.startswith(".") and name.endswith(SUFFIX)


def is_free(path: Path) -> bool:
    """Whether a result may appear at `path`: nothing is there, or an empty folder."""
    return not path.exists() or (path.is_dir() and not any(path.iterdir()))


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the one lock of `path`, a file that is created for it. The kernel lets go when a process dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """The name of a file to write, which replaces `path` at the end of the block and is gone after an exception."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_native_id()}{SUFFIX}")
    try:
        yield part
        _sync(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes) -> Path:
    """Write a file so that no reader ever sees half of it."""
    with whole_file(path) as part:
        part.write_bytes(content)
    return path


@contextmanager
def whole_folder(target: Path, *, mark: str = "", keep: bool = False, wait: bool = False) -> Iterator[Path]:
    """A folder to fill, which becomes `target` at the end of the block. One process at a time has it.

    The lock goes with the process, so a killed one is in nobody's way.

    Args:
        target: Where it appears; nothing may be there, or an empty folder.
        mark: Tells half-done folders of different content apart, e.g. a digest.
        keep: Keep the folder after an exception or a kill, and go on with it the next time. By default each block
            starts with an empty folder, and an exception leaves nothing.
        wait: Wait for another process that has it, rather than refuse.

    Raises:
        OccupiedError: If something is at `target`, or another process has just put it there.
        BusyError: If another process has it.
    """
    if not is_free(target):
        raise OccupiedError(target)
    part = part_of(target, mark)
    lock = _lock(part, target, wait=wait)
    try:
        if not keep:
            empty(part)
        yield part
        sync_folder(part)
        part.rename(target)
    finally:
        if not keep:
            shutil.rmtree(part, ignore_errors=True)
        os.close(lock)


def part_of(target: Path, mark: str = "") -> Path:
    """Where the half-done folder of `target` lies."""
    return target.with_name(f".{target.name}{mark and '.'}{mark}{SUFFIX}")


def empty(folder: Path) -> None:
    """Remove all that is in a folder."""
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def sync_folder(folder: Path) -> None:
    """Bring a folder and its files to the disk, so that a rename after it is not overtaken by a power cut."""
    for path in [*folder.rglob("*"), folder]:
        if not path.is_symlink():
            _sync(path)


def is_open_at(descriptor: int, path: Path) -> bool:
    """Whether an open file or folder still lies at `path`, where another process may have removed or replaced it."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _lock(part: Path, target: Path, *, wait: bool) -> int:
    """A locked descriptor of the folder `part`, which is created."""
    while True:
        part.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(part, os.O_RDONLY)
        except FileNotFoundError:  # another process has just renamed it
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            os.close(descriptor)
            raise BusyError(target) from None
        if not is_open_at(descriptor, part):
            os.close(descriptor)
            continue
        if is_free(target):
            return descriptor
        with suppress(OSError):  # not empty: what another half-done attempt has left stays for its next one
            part.rmdir()
        os.close(descriptor)
        raise OccupiedError(target)
