"""Where datasets are looked for: local folders and Blob containers. A dataset is named by an id, never by a path."""

import hashlib
import re
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from threading import Lock
from typing import BinaryIO, override

from physai.infrastructure.aside import is_aside
from physai.infrastructure.datasets.info import ANNOTATIONS, INFO
from physai.infrastructure.settings import settings
from physai.infrastructure.storage import MissingKeyError, Store, open_file, open_store
from physai.infrastructure.storage.uri import FolderLocation, parse

from ..journal import Journal, journal_of
from ..tools import distant, versions
from ..tools.versions import UndoPoint
from .errors import OutsideError, UnknownError

DEPTH = 6  # folders below a root in which datasets are looked for
FRESH_S = 5.0  # age at which a list of datasets is made anew
ASIDE = ".at-work-"  # folders with a dataset that was brought here for a while
ABANDONED_S = 86_400.0
BLOB_FRESH_S = 60.0  # a listing of a container costs round trips


class Place(ABC):
    """A folder or container with datasets in it."""

    uri: str
    fresh_s = FRESH_S
    replaces = False
    """Whether an edit may take a dataset's place, to be brought back by undo; else each edit makes a new dataset."""

    @abstractmethod
    def find(self) -> Iterator[str]:
        """Names of the datasets: their paths below the place; empty for the place itself."""

    @abstractmethod
    def meta(self, name: str) -> Path:
        """A local folder in which the dataset's `meta/` lies."""

    @abstractmethod
    def local(self, name: str, file: Path) -> Path:
        """A file of a dataset, brought here if need be.

        Raises:
            OutsideError: If it is not below the place.
            UnknownError: If there is none.
        """

    @abstractmethod
    def open(self, name: str, file: Path) -> BinaryIO:
        """A file of a dataset where it is, of which no more is read than asked for; errors as of `local`."""

    @abstractmethod
    def whole(self, name: str) -> AbstractContextManager[Path]:
        """All of a dataset on this machine, for as long as the block."""

    @abstractmethod
    def journal(self, name: str) -> Journal:
        """What was said of a dataset's episodes, where the dataset is."""

    @abstractmethod
    def undo_points(self, name: str) -> list[UndoPoint]:
        """What can be undone, the last edit first."""

    @abstractmethod
    def undo(self, name: str) -> tuple[str, ...]:
        """Undo the last edit; returns URIs of the datasets as they were.

        Raises:
            NothingToUndoError: If no edit made the dataset.
        """


class FolderPlace(Place):
    """A local folder; one that is a dataset itself holds just that."""

    replaces = True

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.uri = str(self.root)

    @override
    def find(self) -> Iterator[str]:
        for folder, below, _ in self.root.walk():
            if (folder / INFO).is_file():
                yield "" if folder == self.root else folder.relative_to(self.root).as_posix()
                below.clear()
            elif len(folder.relative_to(self.root).parts) >= DEPTH:
                below.clear()
            below[:] = sorted(each for each in below if not each.startswith(".") and not is_aside(each))

    @override
    def meta(self, name: str) -> Path:
        return self._inside(self.root / name, name)

    @override
    def local(self, name: str, file: Path) -> Path:
        path = self._inside(self.root / name / file, file)
        if not path.is_file():
            raise UnknownError("file", file)
        return path

    @override
    def open(self, name: str, file: Path) -> BinaryIO:
        return self.local(name, file).open("rb")

    @contextmanager
    @override
    def whole(self, name: str) -> Iterator[Path]:
        yield self.meta(name)

    @override
    def journal(self, name: str) -> Journal:
        return journal_of(self.meta(name))

    @override
    def undo_points(self, name: str) -> list[UndoPoint]:
        return versions.undo_points(self.meta(name))

    @override
    def undo(self, name: str) -> tuple[str, ...]:
        versions.undo(self.meta(name))
        return (f"{self.uri}/{name}".rstrip("/"),)

    def _inside(self, path: Path, shown: object) -> Path:
        resolved = path.resolve()
        if not resolved.is_relative_to(self.root):
            raise OutsideError(shown)
        return resolved


class BlobPlace(Place):
    """A container, or a path in one. Metadata and rows are brought here as they are asked for, videos are passed on."""

    fresh_s = BLOB_FRESH_S

    def __init__(self, store: Store, cache: Path) -> None:
        self.store, self.uri, self._cache = store, store.uri, cache
        self._synced: dict[str, float] = {}
        for left in cache.glob(f"{ASIDE}*"):  # by a viewer that was killed at work
            if time.time() - left.stat().st_mtime > ABANDONED_S:
                shutil.rmtree(left, ignore_errors=True)

    @override
    def find(self) -> Iterator[str]:
        end = f"/{INFO.as_posix()}"
        for stored in self.store.list():
            if f"/{stored.key}".endswith(end):
                yield stored.key.removesuffix(INFO.as_posix()).strip("/")

    @override
    def meta(self, name: str) -> Path:
        folder = self._cache / (name or "_")
        if time.monotonic() - self._synced.get(name, -BLOB_FRESH_S) >= BLOB_FRESH_S:
            self.store.sync_down(
                f"{name}/meta" if name else "meta", folder / "meta", skip=[ANNOTATIONS.name], mirror=True
            )
            self._synced[name] = time.monotonic()
        return folder

    @override
    def local(self, name: str, file: Path) -> Path:
        path = self._cache / (name or "_") / file
        self.store.get(self._key(name, file), path)
        return path

    @override
    def open(self, name: str, file: Path) -> BinaryIO:
        try:
            return open_file(self.store, self._key(name, file))
        except MissingKeyError as error:
            raise UnknownError("file", file) from error

    @contextmanager
    @override
    def whole(self, name: str) -> Iterator[Path]:
        self._cache.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=self._cache, prefix=ASIDE) as folder:
            self.store.sync_down(name, Path(folder) / "dataset")
            yield Path(folder) / "dataset"

    def put(self, folder: Path, name: str) -> None:
        """Let a whole dataset that was written here appear in the container; errors as of `distant.put`."""
        distant.put(self.store, name, folder)
        self._synced.pop(name, None)

    @override
    def undo_points(self, name: str) -> list[UndoPoint]:
        return distant.undo_points(self.store, name)

    @override
    def undo(self, name: str) -> tuple[str, ...]:
        removed = distant.undo(self.store, name)
        self._synced.pop(name, None)
        return removed.originals

    @override
    def journal(self, name: str) -> Journal:
        return Journal(self.store, name, self._cache / ".annotations" / _word(name))

    def _key(self, name: str, file: Path) -> str:
        """Of a file; storage itself refuses keys with `..`."""
        if file.is_absolute() or ".." in file.parts:
            raise OutsideError(file)
        return (PurePosixPath(name) / file.as_posix()).as_posix()


@dataclass(frozen=True)
class Entry:
    """A dataset that was found."""

    id: str
    """Part of addresses, e.g. `reach-curated-3fa91c`."""
    name: str
    """Path below its place; the place's own name if it is the dataset."""
    place: Place
    path: str
    """Below the place."""

    @property
    def folder(self) -> Path:
        """Where `meta/` lies on this machine."""
        return self.place.meta(self.path)

    @property
    def uri(self) -> str:
        """Where the dataset is, as `physai storage` takes it."""
        return f"{self.place.uri}/{self.path}" if self.path else self.place.uri

    def local(self, file: Path) -> Path:
        """A file of the dataset on this machine."""
        return self.place.local(self.path, file)

    def whole(self) -> AbstractContextManager[Path]:
        """All of it on this machine, for as long as the block."""
        return self.place.whole(self.path)


class Catalog:
    """All datasets of all places."""

    def __init__(self, places: Iterable[Place]) -> None:
        self.places = tuple(places)
        self._found: dict[str, dict[str, Entry]] = {}
        self._at: dict[str, float] = {}
        self._lock = Lock()

    def entries(self) -> list[Entry]:
        """Every dataset, by place and name."""
        with self._lock:
            return [entry for place in self.places for entry in self._of(place).values()]

    def get(self, dataset: str) -> Entry:
        """The dataset of an id.

        Raises:
            UnknownError: If there is none.
        """
        found = next((entry for entry in self.entries() if entry.id == dataset), None)
        if found is None:
            raise UnknownError("dataset", dataset)
        return found

    def forget(self) -> None:
        """Look anew the next time: something was made or moved."""
        with self._lock:
            self._at.clear()

    def _of(self, place: Place) -> dict[str, Entry]:
        if time.monotonic() - self._at.get(place.uri, -place.fresh_s) >= place.fresh_s:
            found = [entry_of(place, path) for path in place.find()]
            self._found[place.uri] = {entry.id: entry for entry in sorted(found, key=lambda entry: entry.name)}
            self._at[place.uri] = time.monotonic()
        return self._found[place.uri]


def open_place(uri: str) -> Place:
    """The place of a path or storage URI.

    Raises:
        BadUriError: If it is neither.
        UnknownError: If there is no such folder.
    """
    location = parse(uri)
    if isinstance(location, FolderLocation):
        if not location.path.is_dir():
            raise UnknownError("folder", location.path)
        return FolderPlace(location.path)
    store = open_store(uri)
    return BlobPlace(store, settings().home / "viewer" / _word(store.uri))


def _word(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def entry_of(place: Place, path: str) -> Entry:
    """A dataset with its id, the same as long as it stays where it is."""
    name = path or PurePosixPath(place.uri).name
    word = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40]
    return Entry(f"{word}-{_word(f'{place.uri}/{path}')[:6]}", name, place, path)
