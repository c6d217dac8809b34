"""A file of a store as a file object."""

import io
from collections.abc import Buffer
from typing import BinaryIO, cast, override

from .errors import MissingKeyError
from .store import Store, Stored

BUFFER = 1 << 18  # bytes that are asked for at once


def open_file(store: Store, key: str) -> BinaryIO:
    """Open a file where it is; no more of it is read than asked for.

    Raises:
        MissingKeyError: If there is none.
    """
    stored = store.stat(key)
    if stored is None:
        raise MissingKeyError(store.uri, key)
    return cast("BinaryIO", io.BufferedReader(Remote(store, stored), BUFFER))


class Remote(io.RawIOBase):
    """A file of a store as a file object: a decoder takes what it needs, and no more goes over the line."""

    def __init__(self, store: Store, stored: Stored) -> None:
        super().__init__()
        self._store, self._stored, self._at = store, stored, 0

    @override
    def readable(self) -> bool:
        return True

    @override
    def seekable(self) -> bool:
        return True

    @override
    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._stored.size_bytes}[whence]
        self._at = max(0, start + offset)
        return self._at

    @override
    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer).cast("B")
        content = b"".join(self._store.read(self._stored.key, self._at, len(view)))
        view[: len(content)] = content
        self._at += len(content)
        return len(content)
