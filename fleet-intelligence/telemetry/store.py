"""Every event once, in SQLite."""

import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import NamedTuple, Self

from physai.infrastructure.contracts import Contract, Digest, EpisodeEvent

from ..errors import TelemetryStoreError

APPLICATION_ID = 0x70687961  # "phya", in the header of our databases
VERSION = 1
WAIT_S = 60.0  # for other writers
TABLE = """
CREATE TABLE IF NOT EXISTS events (
    source TEXT NOT NULL,
    id TEXT NOT NULL,
    time TEXT NOT NULL,
    policy TEXT NOT NULL,
    robot TEXT NOT NULL,
    site TEXT NOT NULL,
    success INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (source, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS events_by_policy ON events (policy, time);
"""


class Added(Contract):
    """What became of a batch of events."""

    added: int
    duplicates: int
    """Known already, word for word."""
    conflicts: tuple[str, ...]
    """Ids that are known with another content; the first one told stays."""


class Tally(NamedTuple):
    """Episodes of one policy, counted for one value of a column."""

    policy: Digest
    name: str
    successes: int
    episodes: int
    first: str
    last: str


class TelemetryStore:
    """Events of the fleet. CloudEvents 1.0 makes `source` and `id` together the name of an event.

    Several processes may use one store: readers see whole batches only, and a writer waits its turn.
    """

    def __init__(self, path: Path) -> None:
        """Open the store, or create it.

        Raises:
            TelemetryStoreError: If the file is no telemetry store of this version, or cannot be opened.
        """
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._plainly():
            self._database = sqlite3.connect(path, timeout=WAIT_S, isolation_level=None)
            try:
                self._prepare()
            except BaseException:
                self._database.close()
                raise

    def _prepare(self) -> None:
        run = self._database.execute
        run("BEGIN")  # one view of the header, while another process may be creating the same store
        version = run("PRAGMA user_version").fetchone()[0]
        application = run("PRAGMA application_id").fetchone()[0]
        empty = not run("SELECT count(*) FROM sqlite_master").fetchone()[0]
        run("COMMIT")
        if not empty and application != APPLICATION_ID:
            raise TelemetryStoreError(self.path, "a database of another program")
        if not empty and version != VERSION:
            raise TelemetryStoreError(self.path, f"written in version {version}, this reads version {VERSION}")
        self._write_ahead()
        run("PRAGMA synchronous = FULL")
        if empty:
            self._database.executescript(
                f"BEGIN IMMEDIATE; {TABLE} PRAGMA application_id = {APPLICATION_ID}; "
                f"PRAGMA user_version = {VERSION}; COMMIT;"
            )

    def _write_ahead(self) -> None:
        """Keep a write-ahead log. SQLite does not wait when another process is just doing the same, so we do."""
        deadline = time.monotonic() + WAIT_S
        while True:
            try:
                self._database.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def add(self, events: Iterable[EpisodeEvent]) -> Added:
        """Keep what is new: all of it, or after a crash none of it."""
        added = duplicates = 0
        conflicts: list[str] = []
        with self._plainly(), self._transaction():
            for event in events:
                if self._insert(event):
                    added += 1
                elif self._body(event) == event.model_dump_json():
                    duplicates += 1
                else:
                    conflicts.append(event.id)
        return Added(added=added, duplicates=duplicates, conflicts=tuple(conflicts))

    def events(
        self, policy: Digest | None = None, robot: str | None = None, site: str | None = None
    ) -> tuple[EpisodeEvent, ...]:
        """Events in order of time; those of one policy, robot or site if they are named."""
        wanted = {"policy": policy, "robot": robot, "site": site}
        where = [(f"{column} = ?", value) for column, value in wanted.items() if value is not None]
        condition = f"WHERE {' AND '.join(text for text, _ in where)}" if where else ""
        query = f"SELECT body FROM events {condition} ORDER BY time, source, id"  # noqa: S608 - column names are ours
        with self._plainly():
            rows = self._database.execute(query, [value for _, value in where]).fetchall()
        return tuple(EpisodeEvent.model_validate_json(body) for (body,) in rows)

    def tally(self, column: str) -> list[Tally]:
        """Count the episodes of each policy for each value of `policy`, `robot` or `site`, in order of time."""
        assert column in ("policy", "robot", "site")
        query = (
            f"SELECT policy, {column}, sum(success), count(*), min(time), max(time) FROM events "  # noqa: S608 - ours
            f"GROUP BY policy, {column} ORDER BY min(time), policy, {column}"
        )
        with self._plainly():
            return [Tally(*row) for row in self._database.execute(query)]

    def policies(self) -> Sequence[Digest]:
        """Every policy that has told of an episode, in order of its first."""
        return [tally.policy for tally in self.tally("policy")]

    def _insert(self, event: EpisodeEvent) -> bool:
        data = event.data
        time = event.time.astimezone(UTC).isoformat(timespec="microseconds")
        row = (event.source, event.id, time, data.policy, data.robot, data.site, data.success, event.model_dump_json())
        return self._database.execute("INSERT OR IGNORE INTO events VALUES (?,?,?,?,?,?,?,?)", row).rowcount == 1

    def _body(self, event: EpisodeEvent) -> str:
        query = "SELECT body FROM events WHERE source = ? AND id = ?"
        return str(self._database.execute(query, (event.source, event.id)).fetchone()[0])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    @contextmanager
    def _plainly(self) -> Iterator[None]:
        """Say in one line what SQLite says in a traceback."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise TelemetryStoreError(self.path, f"SQLite cannot use it ({error})") from error
