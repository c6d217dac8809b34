"""A store in a local folder."""

import hashlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import override

from ..aside import SUFFIX, is_aside, whole_file
from ..contracts import Digest, digest_bytes, digest_file
from ..rename import rename_new
from .errors import MissingKeyError, NoNewNameError, TakenKeyError
from .keys import check_key, check_prefix
from .link import Link, Pace
from .receive import receive
from .store import Store, Stored, source_size

BLOCK = 1 << 20  # bytes


class FolderStore(Store):
    """Files in a folder, which is created with the first of them."""

    def __init__(self, root: Path, link: Link | None = None) -> None:
        self.root = root.absolute()
        self.uri = self.root.as_uri()
        self._pace = (link or Link()).pace

    @override
    def put(self, path: Path, key: str) -> Digest:
        size = source_size(path)
        target = self._path(key)
        if target.is_file() and target.stat().st_size == size and (digest := digest_file(target)) == digest_file(path):
            return digest
        with whole_file(target) as part:
            return _copy(path, part, self._pace)

    @override
    def create(self, key: str, content: bytes) -> Digest:
        target = self._path(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.{secrets.token_hex(4)}{SUFFIX}")
        try:
            with part.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            try:
                _name(part, target)
            except FileExistsError as error:
                if target.read_bytes() != content:
                    raise TakenKeyError(self.uri, key) from error
        finally:
            part.unlink(missing_ok=True)
        return digest_bytes(content)

    @override
    def get(self, key: str, path: Path, digest: Digest | None = None) -> Digest:
        source = self._existing(key)
        return receive(
            path,
            str(source),
            source.stat().st_size,
            digest or digest_file(source),
            lambda offset: _blocks(source, offset),
        )

    @override
    def list(self, prefix: str = "") -> tuple[Stored, ...]:
        folder = self.root / check_prefix(prefix)
        files = [path for path in folder.rglob("*") if path.is_file() and not is_aside(path.name)]
        found = [Stored(key=path.relative_to(self.root).as_posix(), size_bytes=path.stat().st_size) for path in files]
        return tuple(sorted(found, key=lambda stored: stored.key))

    @override
    def stat(self, key: str) -> Stored | None:
        path = self._path(key)
        return Stored(key=key, size_bytes=path.stat().st_size) if path.is_file() else None

    @override
    def digest(self, key: str) -> Digest:
        return digest_file(self._existing(key))

    @override
    def read(self, key: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        yield from _blocks(self._existing(key), offset, length)

    @override
    def delete(self, key: str) -> None:
        path = self._path(key)
        path.unlink(missing_ok=True)
        for folder in path.relative_to(self.root).parents[:-1]:
            try:
                (self.root / folder).rmdir()
            except OSError:  # not empty, or gone
                break

    def _path(self, key: str) -> Path:
        return self.root / check_key(key)

    def _existing(self, key: str) -> Path:
        path = self._path(key)
        if not path.is_file():
            raise MissingKeyError(self.uri, key)
        return path


def _name(part: Path, target: Path) -> None:
    """Give a whole file its name, replacing nothing: by a link, or by a rename where a file has one name only.

    Such are exFAT, SMB shares and some of FUSE.

    Raises:
        FileExistsError: If something is there.
        NoNewNameError: If the file system can do neither.
    """
    try:
        target.hardlink_to(part)
    except FileExistsError:
        raise
    except OSError:
        try:
            rename_new(part, target)
        except FileExistsError:
            raise
        except OSError as error:
            raise NoNewNameError(target, str(error.strerror)) from error


def _copy(source: Path, target: Path, pace: Pace) -> Digest:
    sha256 = hashlib.sha256()
    with target.open("wb") as file:
        for block in _blocks(source, 0):
            pace(len(block))
            file.write(block)
            sha256.update(block)
    return f"sha256:{sha256.hexdigest()}"


def _blocks(path: Path, offset: int, length: int | None = None) -> Iterator[bytes]:
    left = path.stat().st_size if length is None else length
    with path.open("rb") as file:
        file.seek(offset)
        while block := file.read(min(BLOCK, left)):
            left -= len(block)
            yield block
