"""A folder of episodes: their names, who may write, and what is there."""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from physai.infrastructure.aside import write_whole
from physai.infrastructure.contracts import RawEpisode, RecordingConfig
from physai.infrastructure.storage import BadUriError
from physai.infrastructure.storage.uri import FolderLocation, parse

from .errors import BusyError, ForeignFolderError, NoFolderError, OtherConfigError, OutputError

LOCK = ".lock"
CONFIG = "recording.json"
NEWEST = ".newest-episode"
EPISODE = re.compile(r"^\.?episode-(\d{6,})\.(?:mcap|json|mcap\.part|mcap\.torn)$")


def episode_path(folder: Path, index: int) -> Path:
    """Path of a recording; its sidecar is beside it, as `.json`."""
    return folder / f"episode-{index:06d}.mcap"


def next_index(folder: Path) -> int:
    """The first number that no episode bears or has borne, also of those that were sent away and removed."""
    path = folder / NEWEST
    newest = path.read_text() if path.exists() else ""
    return max(_highest(folder), int(newest) if newest.isdecimal() else -1) + 1


def note_index(folder: Path, index: int) -> None:
    """Remember that an episode has this number, whatever becomes of its files."""
    write_whole(folder / NEWEST, str(index).encode())


def _highest(folder: Path) -> int:
    """The highest number that a file of an episode bears; -1 if there is none."""
    found = (EPISODE.match(path.name) for path in folder.iterdir())
    return max((int(match[1]) for match in found if match), default=-1)


def episodes(folder: Path) -> list[RawEpisode]:
    """Sidecars of the whole episodes, in order.

    Raises:
        NoFolderError: If there is no such folder.
        ContractError: If a sidecar is damaged.
    """
    if not folder.is_dir():
        raise NoFolderError(folder)
    return [RawEpisode.read(path) for path in sorted(folder.glob("episode-*.json"))]


def output_folder(uri: str) -> Path:
    """The folder that an output URI names.

    Raises:
        OutputError: If it is none of this machine.
    """
    try:
        location = parse(uri)
    except BadUriError as error:
        raise OutputError(uri) from error
    if not isinstance(location, FolderLocation):
        raise OutputError(uri)
    return location.path


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Be the only one who writes here.

    Raises:
        BusyError: If another process does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BusyError(folder) from error
        yield


def is_locked(folder: Path) -> bool:
    """Whether a process writes here."""
    if not (folder / LOCK).exists():
        return False
    descriptor = os.open(folder / LOCK, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def settle(folder: Path, config: RecordingConfig) -> None:
    """Leave the config in a new folder, or see that it is the one in there.

    Raises:
        ForeignFolderError: If something else is there.
        OtherConfigError: If episodes of another config are there.
    """
    path = folder / CONFIG
    others = sorted(p.name for p in folder.iterdir() if not p.name.startswith(".") and p != path)
    if path.exists() and (others or _highest(folder) >= 0):
        if RecordingConfig.read(path).digest != config.digest:
            raise OtherConfigError(folder)
    elif others:
        raise ForeignFolderError(folder, others[0])
    else:
        config.write(path)
