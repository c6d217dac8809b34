"""What a robot has yet to tell: a bounded queue on its disk."""

import sqlite3
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from physai.infrastructure.contracts import CloudEvent

from ..tables import BY_EVENT

PRIORITY = {"signals": 0, "health": 0, "control": 1, "episodes": 2}
"""By topic; of a full queue the oldest of the lowest go first."""
LIMIT_BYTES = 256 * 2**20  # a day of 1 Hz health, control and an episode every 10 s is some 100 MB
SCHEMA = """
CREATE TABLE IF NOT EXISTS outbox (
    number INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, priority INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS by_topic ON outbox (topic, number);
CREATE INDEX IF NOT EXISTS by_priority ON outbox (priority, number);
CREATE TABLE IF NOT EXISTS counts (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS agent (id TEXT NOT NULL);
CREATE TRIGGER IF NOT EXISTS came AFTER INSERT ON outbox BEGIN
    UPDATE counts SET value = value + length(new.body) WHERE name = 'bytes';
END;
CREATE TRIGGER IF NOT EXISTS went AFTER DELETE ON outbox BEGIN
    UPDATE counts SET value = value - length(old.body) WHERE name = 'bytes';
END;
INSERT OR IGNORE INTO counts SELECT 'bytes', coalesce(sum(length(body)), 0) FROM outbox;
INSERT INTO agent SELECT lower(hex(randomblob(16))) WHERE NOT EXISTS (SELECT 1 FROM agent);
"""


class Letter(NamedTuple):
    """Events of one topic that are sent together."""

    topic: str
    numbers: tuple[int, ...]
    bodies: tuple[bytes, ...]


class Outbox:
    """Store and forward. What `put` has returned from is on the disk, and stays until `sent` names it.

    Several threads and processes may use one. SQLite's write-ahead log, fully synchronised, makes a put durable over
    a power cut.
    """

    def __init__(self, path: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._limit = limit_bytes
        self._database = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.executescript(f"BEGIN IMMEDIATE; {SCHEMA} COMMIT;")
        self.id = str(self._database.execute("SELECT id FROM agent").fetchone()[0])
        """Of this queue, for idempotency keys; another disk is another agent."""

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._database.close()

    def put(self, events: Sequence[CloudEvent]) -> None:
        """Keep events until they are sent; if there is no room, what matters least goes first, and is counted."""
        rows = []
        for event in events:
            topic = BY_EVENT[type(event)].topic
            rows.append((topic, PRIORITY[topic], event.model_dump_json().encode()))
        with self._lock, self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany("INSERT INTO outbox (topic, priority, body) VALUES (?, ?, ?)", rows)
            self._shrink()

    def _shrink(self) -> None:
        dropped = 0
        while self._one("SELECT value FROM counts WHERE name = 'bytes'") > self._limit:
            least = "SELECT number FROM outbox ORDER BY priority, number LIMIT 1"
            self._database.execute(f"DELETE FROM outbox WHERE number = ({least})")  # noqa: S608 - text is ours
            dropped += 1
        if dropped:
            self._count("dropped", dropped)

    def next(self, after: Mapping[str, int], most: int) -> Letter | None:
        """The next events to send: of the topic that matters most, in the order they were put.

        Args:
            after: Topic → number of its last event that is on its way.
            most: Events in a letter.
        """
        for topic in sorted(PRIORITY, key=PRIORITY.__getitem__, reverse=True):
            with self._lock:
                rows = self._database.execute(
                    "SELECT number, body FROM outbox WHERE topic = ? AND number > ? ORDER BY number LIMIT ?",
                    (topic, after.get(topic, 0), most),
                ).fetchall()
            if rows:
                numbers, bodies = zip(*rows, strict=True)
                return Letter(topic, numbers, bodies)
        return None

    def sent(self, letter: Letter) -> None:
        """Forget what the broker has acknowledged."""
        with self._lock, self._database:
            self._database.execute("BEGIN IMMEDIATE")
            span = (letter.topic, letter.numbers[0], letter.numbers[-1])
            self._database.execute("DELETE FROM outbox WHERE topic = ? AND number BETWEEN ? AND ?", span)

    @property
    def waiting(self) -> int:
        """Events that are not acknowledged."""
        with self._lock:
            return self._one("SELECT count(*) FROM outbox")

    @property
    def dropped(self) -> int:
        """Events ever lost because the queue was full."""
        with self._lock:
            return self._one("SELECT coalesce(max(value), 0) FROM counts WHERE name = 'dropped'")

    def tickets(self, count: int) -> range:
        """Numbers that this queue never gives again, for idempotency keys."""
        with self._lock, self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._count("ticket", count)
            last = self._one("SELECT value FROM counts WHERE name = 'ticket'")
        return range(last - count + 1, last + 1)

    def _count(self, name: str, more: int) -> None:
        self._database.execute(
            "INSERT INTO counts VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
            (name, more),
        )

    def _one(self, query: str, parameters: Sequence[object] = ()) -> int:
        return int(self._database.execute(query, parameters).fetchone()[0])
