"""Every event once, in DuckDB."""

import fcntl
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from physai.infrastructure.contracts import CloudEvent, Contract, Digest, EpisodeEvent

from ..errors import TelemetryStoreError
from .door import Passed, Refusal, pack
from .sql import CREATE, VERSION, add, create, event_of
from .tables import TABLES

if TYPE_CHECKING:
    import duckdb

EPISODES = TABLES["Episodes"]
POLL_S = 0.25  # between looks for a change: an event is to be seen within 2 s
CHUNK = 100_000  # events put in at once: some 50 MB


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
    first: datetime
    last: datetime


class TelemetryStore:
    """Events of the fleet. CloudEvents 1.0 makes `source` and `id` together the name of an event.

    Several processes may use one store. DuckDB lets one of them write or many read, so the file is open only during
    a call, and a lock beside it makes callers wait their turn.
    """

    def __init__(self, path: Path) -> None:
        """Open the store, or create it.

        Raises:
            TelemetryStoreError: If the file is no telemetry store of this version, or cannot be opened.
        """
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._turn(fcntl.LOCK_EX), self._plainly():
            self._prepare()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open between calls."""

    def _prepare(self) -> None:
        new = not self.path.exists()
        with self._connect() as connection:
            names = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
            if new or not names:  # a kill between creating the file and its tables leaves an empty one
                connection.execute(f"BEGIN; {CREATE} COMMIT;")
                return
            if "store" not in names:
                raise TelemetryStoreError(self.path, "a database of another program")
            (version,) = connection.execute("SELECT version FROM store").fetchone() or (None,)
            if version != VERSION:
                raise TelemetryStoreError(self.path, f"written in version {version}, this reads version {VERSION}")
            for table in TABLES.values():
                if table.name not in names:  # a store from before there were such events
                    connection.execute(create(table))

    @contextmanager
    def reading(self) -> "Iterator[duckdb.DuckDBPyConnection]":
        """A connection that reads. Writers wait as long as it is open."""
        with self._turn(fcntl.LOCK_SH), self._plainly(), self._connect(read_only=True) as connection:
            yield connection

    @contextmanager
    def writing(self) -> "Iterator[duckdb.DuckDBPyConnection]":
        """A connection in a transaction: all of it is kept, or after an exception or a kill none of it."""
        with self._turn(fcntl.LOCK_EX), self._plainly(), self._connect() as connection:
            connection.execute("BEGIN")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def add(self, events: Iterable[CloudEvent]) -> Added:
        """Keep what is new of events that are checked."""
        return self.take(pack(events))

    def take(self, batches: Sequence[Passed]) -> Added:
        """Keep what is new of what came through the door, and count what was refused there."""
        import pyarrow

        total = Added(added=0, duplicates=0, conflicts=())
        refused = [refusal for batch in batches for refusal in batch.refused]
        with self.writing() as connection:
            for table in TABLES.values():
                found = [batch.columns for batch in batches if batch.table is table]
                if not found:
                    continue
                arrived = pyarrow.concat_tables(found)
                for start in range(0, len(arrived), CHUNK):
                    done = add(connection, table, arrived[start : start + CHUNK])
                    total = Added(
                        added=total.added + done[0],
                        duplicates=total.duplicates + done[1],
                        conflicts=(*total.conflicts, *done[2]),
                    )
            _note(connection, [refusal.reason for refusal in refused] + ["conflict"] * len(total.conflicts))
        return total

    def refuse(self, refused: Sequence[Refusal]) -> None:
        """Count what was refused before it came to any table."""
        with self.writing() as connection:
            _note(connection, [refusal.reason for refusal in refused])

    def refusals(self) -> dict[str, int]:
        """How many were ever refused, by reason."""
        return {row["reason"]: row["events"] for row in self.rows("SELECT reason, events FROM refusals ORDER BY 1")}

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[dict[str, Any]]:
        """Rows of a query, as column → value."""
        with self.reading() as connection:
            cursor = connection.execute(sql, list(parameters))
            names = [name for name, *_ in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def events(
        self, policy: Digest | None = None, robot: str | None = None, site: str | None = None
    ) -> tuple[EpisodeEvent, ...]:
        """Episodes in order of time; those of one policy, robot or site if they are named."""
        wanted = {"policy": policy, "robot": robot, "site": site}
        where = [(f"{column} = ?", value) for column, value in wanted.items() if value is not None]
        condition = f"WHERE {' AND '.join(text for text, _ in where)}" if where else ""
        query = f"FROM Episodes {condition} ORDER BY timestamp, source, event_id"
        rows = self.rows(query, [value for _, value in where])
        return tuple(event_of(EPISODES, row, EpisodeEvent) for row in rows)

    def tally(self, column: str) -> list[Tally]:
        """Count the episodes of each policy for each value of a column of names, in order of time."""
        assert column in ("policy", "robot", "site", "cohort")
        query = (
            f"SELECT policy, {column} AS name, count_if(success) AS successes, count(*) AS episodes, "  # noqa: S608 - ours
            f"min(timestamp) AS first, max(timestamp) AS last FROM Episodes WHERE name IS NOT NULL "
            f"GROUP BY policy, {column} ORDER BY first, policy, name"
        )
        return [Tally(**row) for row in self.rows(query)]

    def fingerprint(self) -> tuple[tuple[int, int], ...]:
        """Size and time of the database and its log; another one after every commit."""
        found = []
        for path in (self.path, self.path.with_name(self.path.name + ".wal")):
            with suppress(FileNotFoundError):
                status = path.stat()
                found.append((status.st_size, status.st_mtime_ns))
        return tuple(found)

    def changes(self, seconds: float | None) -> Iterator[None]:
        """Once now, and again after every change, for so long; None for ever."""
        seen, until_s = None, None if seconds is None else time.monotonic() + seconds
        while True:
            if (now := self.fingerprint()) != seen:
                seen = now
                yield
            if until_s is not None and time.monotonic() >= until_s:
                return
            time.sleep(POLL_S)

    def policies(self) -> Sequence[Digest]:
        """Every policy that has told of an episode, in order of its first."""
        return [tally.policy for tally in self.tally("policy")]

    def _connect(self, *, read_only: bool = False) -> "duckdb.DuckDBPyConnection":
        import duckdb

        connection = duckdb.connect(str(self.path), read_only=read_only)
        connection.execute("SET TimeZone = 'UTC'")
        return connection

    @contextmanager
    def _turn(self, kind: int) -> Iterator[None]:
        try:
            lock = self.path.with_name(f".{self.path.name}.lock").open("ab")
        except OSError as error:
            raise TelemetryStoreError(self.path, f"cannot be written ({error.strerror})") from error
        with lock:
            fcntl.flock(lock, kind)
            yield

    @contextmanager
    def _plainly(self) -> Iterator[None]:
        """Say in one line what DuckDB says in many."""
        import duckdb

        try:
            yield
        except duckdb.Error as error:
            first = str(error).strip().partition("\n")[0]
            raise TelemetryStoreError(self.path, f"DuckDB cannot use it ({first})") from error


def _note(connection: "duckdb.DuckDBPyConnection", reasons: Sequence[str]) -> None:
    """Count refusals, by reason."""
    for reason in sorted(set(reasons)):
        connection.execute(
            "INSERT INTO refusals VALUES (?, ?, ?) "
            "ON CONFLICT (reason) DO UPDATE SET events = events + excluded.events, last = excluded.last",
            [reason, reasons.count(reason), datetime.now(UTC)],
        )
