"""What is to be sent, in SQLite beside the recordings, so that a reboot forgets nothing."""

import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from pydantic import Field

from physai.infrastructure.contracts import Contract, Digest

from .catalog import CatalogEntry
from .errors import OtherTargetError

FILE = ".transfer.db"
State = Literal["waiting", "sent", "verified", "removed"]
_TABLES = """
CREATE TABLE IF NOT EXISTS target (uri TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS files (
    path TEXT PRIMARY KEY, key TEXT NOT NULL, size_bytes INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    priority INTEGER NOT NULL, last INTEGER NOT NULL, state TEXT NOT NULL, digest TEXT,
    attempts INTEGER NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT '', verified_at REAL);
CREATE TABLE IF NOT EXISTS datasets (name TEXT, version TEXT, entry TEXT NOT NULL, PRIMARY KEY (name, version));
"""


class Entry(Contract):
    """A file of the queue."""

    path: str
    """Relative to the edge folder."""
    key: str
    """Name in the store."""
    size_bytes: int = Field(ge=0)
    mtime_ns: int
    priority: int
    last: bool
    state: State
    digest: Digest | None
    """Of the bytes that were sent."""
    attempts: int
    error: str
    verified_at: float | None
    """When the bytes in the store were read back and were the same, in s since 1970."""


class Queue:
    """The files of one edge folder on their way to one store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._db = sqlite3.connect(folder / FILE, timeout=30)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.executescript(_TABLES)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._db.close()

    @property
    def target(self) -> str:
        """Where its files go; empty as long as nobody said so."""
        row = self._db.execute("SELECT uri FROM target").fetchone()
        return str(row["uri"]) if row else ""

    def aim(self, target: str) -> None:
        """Say where the files go; as long as none has gone, a mistyped target may be mended.

        Raises:
            OtherTargetError: If they go elsewhere already.
        """
        if self.target not in ("", target) and any(entry.state != "waiting" for entry in self.entries()):
            raise OtherTargetError(self.folder, self.target, target)
        with self._db:
            self._db.execute("DELETE FROM target")
            self._db.execute("INSERT INTO target VALUES (?)", (target,))

    def add(self, path: str, key: str, size_bytes: int, mtime_ns: int, *, priority: int, last: bool) -> None:
        """Queue a file; one that was queued as it is keeps its state, one that has changed is sent again."""
        with self._db:
            self._db.execute(
                "INSERT INTO files (path, key, size_bytes, mtime_ns, priority, last, state)"
                " VALUES (?,?,?,?,?,?,'waiting')"
                " ON CONFLICT (path) DO UPDATE SET size_bytes=excluded.size_bytes, mtime_ns=excluded.mtime_ns,"
                " key=excluded.key, state='waiting', digest=NULL, verified_at=NULL, error=''"
                " WHERE size_bytes != excluded.size_bytes OR mtime_ns != excluded.mtime_ns",
                (path, key, size_bytes, mtime_ns, priority, last),
            )

    def entries(self, *states: State) -> list[Entry]:
        """Files in the order in which they are sent: by priority, what vouches for others after them, then by name."""
        rows = self._db.execute("SELECT * FROM files ORDER BY priority DESC, last, path")
        found = [Entry.model_validate({**row, "last": bool(row["last"])}) for row in map(dict, rows)]
        return [entry for entry in found if not states or entry.state in states]

    def registered(self, entry: CatalogEntry) -> None:
        """Write down that a dataset is registered."""
        with self._db:
            self._db.execute(
                "INSERT OR REPLACE INTO datasets VALUES (?,?,?)", (entry.name, entry.version, entry.model_dump_json())
            )

    def datasets(self) -> tuple[CatalogEntry, ...]:
        """Datasets that are registered, in the order of their names."""
        rows = self._db.execute("SELECT entry FROM datasets ORDER BY name, version")
        return tuple(CatalogEntry.model_validate_json(row["entry"]) for row in rows)

    def forget(self, entry: Entry) -> None:
        """Take a file out of the queue."""
        with self._db:
            self._db.execute("DELETE FROM files WHERE path=?", (entry.path,))

    def mark(self, entry: Entry, state: State, *, digest: Digest | None = None, error: str = "") -> None:
        """Write down how far a file is; an error counts as an attempt."""
        with self._db:
            self._db.execute(
                "UPDATE files SET state=?, digest=COALESCE(?, digest), error=?, attempts=attempts+?,"
                " verified_at=CASE WHEN ?='verified' THEN ? ELSE verified_at END WHERE path=?",
                (state, digest, error, bool(error), state, time.time(), entry.path),
            )


def total_bytes(entries: Iterable[Entry]) -> int:
    """Size of files."""
    return sum(entry.size_bytes for entry in entries)
