"""The one interface of every store."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ..aside import is_aside
from ..contracts import Contract, Digest, digest_file
from ..errors import MissingFileError
from .concurrent import each
from .errors import MissingKeyError, NotAFolderError
from .keys import check_prefix, join

THREADS = 8  # files in flight; small files are bound by round trips


class Stored(Contract):
    """A file in a store."""

    key: str
    """Relative to the store, with forward slashes."""
    size_bytes: int
    digest: Digest | None = None
    """None where it is not written down and only reading the file would tell."""


class Synced(Contract):
    """What a sync did."""

    transferred: tuple[str, ...]
    """Keys that were new or different, in order."""
    unchanged: int
    """Files that were equal by digest already."""
    size_bytes: int
    """Of what was transferred."""


Tell = Callable[[str, bool], None]
"""Called with each key of a sync when it is done, and whether it was transferred."""


def silent(_key: str, _transferred: bool) -> None:
    """Tell nobody."""


class Store(ABC):
    """Files by key. Everything that is read is verified, everything that is written appears whole."""

    uri: str
    """Where it is, without secrets."""

    @abstractmethod
    def put(self, path: Path, key: str) -> Digest:
        """Upload a file, unless the very same bytes are there already.

        Returns:
            The digest of its bytes.

        Raises:
            MissingFileError: If there is no such file.
        """

    @abstractmethod
    def create(self, key: str, content: bytes) -> Digest:
        """Write a small new file, whole or not at all; of two writers of one key, one is refused.

        Args:
            key: Name in the store.
            content: Its bytes; a file with these very bytes there already is fine, so it can be tried again.

        Raises:
            TakenKeyError: If another file is there.
        """

    @abstractmethod
    def get(self, key: str, path: Path, digest: Digest | None = None) -> Digest:
        """Download a file; one that was interrupted goes on where it stopped.

        Args:
            key: Name in the store.
            path: Where to write it; appears whole and verified, and is kept if it is right already.
            digest: What the bytes must be; by default what the store says they are.

        Raises:
            MissingKeyError: If there is no such file.
            DamagedError: If the bytes are others; then `path` is left as it was.
        """

    @abstractmethod
    def list(self, prefix: str = "") -> tuple[Stored, ...]:
        """All files in a folder of the store and below it, in order of their keys.

        Args:
            prefix: A folder, `reach` or `reach/`; does not match `reach-2`. Empty: the whole store.
        """

    @abstractmethod
    def stat(self, key: str) -> Stored | None:
        """What is known of a file without reading it; None if there is none."""

    @abstractmethod
    def digest(self, key: str) -> Digest:
        """Digest of a file's bytes.

        Raises:
            MissingKeyError: If there is no such file.
        """

    @abstractmethod
    def read(self, key: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes of a file as they are there, in pieces; nothing that was written down about them is believed.

        Args:
            key: Name in the store.
            offset: Of the first byte.
            length: Bytes at most; to the end by default.

        Raises:
            MissingKeyError: If there is no such file.
        """

    @abstractmethod
    def delete(self, key: str) -> None:
        """Remove a file; that it is gone already is fine."""

    def exists(self, key: str) -> bool:
        """Whether there is such a file."""
        return self.stat(key) is not None

    def sync_up(self, folder: Path, prefix: str = "", tell: Tell = silent) -> Synced:
        """Upload what is new or different in a folder. Nothing is removed from the store.

        Raises:
            NotAFolderError: If `folder` is none.
        """
        if not folder.is_dir():
            raise NotAFolderError(folder)
        files = [
            (path.relative_to(folder).as_posix(), path)
            for path in sorted(folder.rglob("*"))
            if path.is_file() and not is_aside(path.name)
        ]
        start = check_prefix(prefix)
        there = {stored.key: stored for stored in self.list(prefix)}

        def up(file: tuple[str, Path]) -> Stored | None:
            name, path = file
            key, size = join(start, name), path.stat().st_size
            old = there.get(key)
            equal = old is not None and old.size_bytes == size and self._known(old) == digest_file(path)
            if not equal:
                self.put(path, key)
            tell(name, not equal)
            return None if equal else Stored(key=name, size_bytes=size)

        return _synced(each(up, files, THREADS))

    def sync_down(
        self, prefix: str, folder: Path, tell: Tell = silent, *, skip: Sequence[str] = (), mirror: bool = False
    ) -> Synced:
        """Download what is new or different, verified. Other files in `folder` are left alone.

        Args:
            prefix: A folder of the store; empty: all of it.
            folder: Where to.
            tell: Is told of each file.
            skip: Folders below `prefix` that are left out.
            mirror: Remove other files in `folder`, such as those that are gone from the store since.

        Raises:
            MissingKeyError: If there is nothing under `prefix`.
        """
        start = check_prefix(prefix)
        left_out = tuple(f"{join(start, each)}/" for each in skip)
        found = [stored for stored in self.list(prefix) if not stored.key.startswith(left_out)]
        if not found:
            raise MissingKeyError(self.uri, join(start, "*"))

        def name_of(stored: Stored) -> str:
            return stored.key.removeprefix(f"{start}/") if start else stored.key

        def down(stored: Stored) -> Stored | None:
            name = name_of(stored)
            path = folder / name
            digest = self._known(stored)
            equal = path.is_file() and path.stat().st_size == stored.size_bytes and digest_file(path) == digest
            if not equal:
                self.get(stored.key, path, digest)
            tell(name, not equal)
            return None if equal else Stored(key=name, size_bytes=stored.size_bytes)

        synced = _synced(each(down, found, THREADS))
        if mirror:
            kept = {folder / name_of(stored) for stored in found}
            for path in [*folder.rglob("*")]:
                if path.is_file() and path not in kept and not is_aside(path.name):
                    path.unlink(missing_ok=True)
        return synced

    def _known(self, stored: Stored) -> Digest:
        return stored.digest or self.digest(stored.key)


def _synced(results: list[Stored | None]) -> Synced:
    moved = [stored for stored in results if stored is not None]
    return Synced(
        transferred=tuple(stored.key for stored in moved),
        unchanged=len(results) - len(moved),
        size_bytes=sum(stored.size_bytes for stored in moved),
    )


def source_size(path: Path) -> int:
    """Size of a file that is to be uploaded, in bytes.

    Raises:
        MissingFileError: If there is no such file.
    """
    if not path.is_file():
        raise MissingFileError(path, "file", "Check the path, or use `physai storage sync` for a folder.")
    return path.stat().st_size
