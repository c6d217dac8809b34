"""What people say of episodes: one store per dataset, used by commands, viewer and filters alike.

The store is `meta/annotations.sqlite` of the dataset and travels with it; the dataset's content digest leaves it out,
so a label never makes another dataset. Entries belong to an episode by its key (`Dataset.keys`), which stays
the same when episodes are deleted, split and merged; `tools/rewrite.py` carries them into each dataset that it writes.
Nothing is overwritten: what was removed or replaced stays in the history, with who did it and when.
"""

import getpass
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Literal, get_args

from pydantic import AwareDatetime, Field

from physai.infrastructure.contracts import Contract, Digest
from physai.infrastructure.datasets import ANNOTATIONS, Dataset
from physai.infrastructure.datasets.errors import EpisodeIndexError

from .errors import AnnotationError, NoAnnotationError

Kind = Literal["label", "category", "rating", "comment", "review", "subtask"]
Review = Literal["accept", "reject", "unsure"]

SINGLE: tuple[Kind, ...] = ("category", "rating", "review")
"""Kinds of which an episode has one; a new one replaces it."""

REVIEWS: tuple[str, ...] = get_args(Review)
RATINGS = ("1", "2", "3", "4", "5")
LONGEST = 2000
"""Characters of a value."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS annotation (
    id INTEGER PRIMARY KEY,
    episode_key TEXT NOT NULL,
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    from_row INTEGER,
    to_row INTEGER,
    author TEXT NOT NULL,
    at TEXT NOT NULL,
    removed_by TEXT,
    removed_at TEXT
);
CREATE INDEX IF NOT EXISTS annotation_episode ON annotation (episode_key);
"""
COLUMNS = ("id", "episode_key", "kind", "value", "from_row", "to_row", "author", "at", "removed_by", "removed_at")


class Annotation(Contract):
    """One thing that was said of an episode."""

    id: int
    """In this store."""
    episode_key: Digest
    kind: Kind
    value: str
    """A rating is `1` to `5`, a review `accept`, `reject` or `unsure`; anything else is free text."""
    from_row: int | None = None
    """Of a subtask: its first row within the episode."""
    to_row: int | None = None
    """Of a subtask: the row after its last."""
    author: str
    at: AwareDatetime
    removed_by: str | None = None
    removed_at: AwareDatetime | None = None


class Marks(Contract):
    """What is said of one episode now."""

    labels: tuple[str, ...] = ()
    category: str | None = None
    rating: int | None = Field(default=None, ge=1, le=5)
    review: Review | None = None
    decision: Annotation | None = None
    """The review with who gave it, and when."""
    comments: tuple[Annotation, ...] = ()
    subtasks: tuple[Annotation, ...] = ()
    """In order of their first rows."""


class Annotations:
    """The store of one dataset. Reading never creates it.

    Example:
        ```python
        store = Annotations(Dataset(root))
        store.add(3, "label", "grasp-slips")
        store.marks(3).labels
        ```
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self.path = dataset.root / ANNOTATIONS

    def add(
        self, episode: int, kind: Kind, value: str, *, author: str | None = None, rows: tuple[int, int] | None = None
    ) -> Annotation:
        """Say something of an episode; a label it has already is left as it is.

        Args:
            episode: Index in the dataset.
            kind: What is said.
            value: See `Annotation.value`.
            author: By default who runs this.
            rows: Of a subtask, and only of it: first row within the episode, and the one after the last.

        Raises:
            EpisodeIndexError: If there is no such episode.
            AnnotationError: If the value is not one of this kind.
        """
        key = self._key(episode)
        value = _checked(kind, value.strip(), rows, self._dataset.lengths[episode])
        author = author or getpass.getuser()
        with self._writing() as store:
            present = [a for a in _read(store, key) if a.removed_at is None and a.kind == kind]
            for annotation in present:
                if kind == "label" and annotation.value == value:
                    return annotation
                if kind in SINGLE:
                    _remove(store, annotation.id, author)
            return _insert(store, key, kind, value, rows or (None, None), author, _now())

    def remove(self, annotation: int, *, author: str | None = None) -> None:
        """Take something back; it stays in the history.

        Raises:
            NoAnnotationError: If there is no such annotation, or it was removed already.
        """
        with self._writing() as store:
            if not _remove(store, annotation, author or getpass.getuser()):
                raise NoAnnotationError(self.path, f"annotation {annotation}")

    def remove_label(self, episode: int, label: str, *, author: str | None = None) -> None:
        """Take a label off an episode.

        Raises:
            NoAnnotationError: If the episode does not have it.
        """
        for annotation in self.entries(episode):
            if annotation.kind == "label" and annotation.value == label:
                return self.remove(annotation.id, author=author)
        raise NoAnnotationError(self.path, f"label '{label}' on episode {episode}")

    def entries(self, episode: int | None = None, *, history: bool = False) -> list[Annotation]:
        """Annotations of one episode or of all that this dataset has, oldest first.

        Args:
            episode: Index in the dataset.
            history: Also what was removed or replaced.
        """
        wanted = {self._key(episode)} if episode is not None else set(self._dataset.keys)
        found = [a for a in self._all(next(iter(wanted)) if episode is not None else None) if a.episode_key in wanted]
        return [annotation for annotation in found if history or annotation.removed_at is None]

    def marks(self, episode: int) -> Marks:
        """What is said of one episode now."""
        return _marks(self.entries(episode))

    def all_marks(self) -> list[Marks]:
        """What is said of each episode now, by index; one query for the whole dataset."""
        by_key: dict[str, list[Annotation]] = {}
        for annotation in self.entries():
            by_key.setdefault(annotation.episode_key, []).append(annotation)
        return [_marks(by_key.get(key, ())) for key in self._dataset.keys]

    def carry(self, source: "Annotations", moved: Mapping[Digest, Sequence["Moved"]]) -> None:
        """Take over, history and all, what another store says of the episodes that came from its dataset.

        Args:
            source: Store of a dataset that episodes were copied from.
            moved: Key there → what became of the episode here.
        """
        taken = [(a, move) for a in source._all() for move in moved.get(a.episode_key, ())]
        if not taken:
            return
        with self._writing() as store:
            for annotation, move in taken:
                rows = move.rows(annotation)
                if rows is not None:
                    _insert_again(store, annotation, move.key, rows)

    def adopt(self, source: "Annotations") -> None:
        """Let another store say all there is to say of the episodes that are in both datasets."""
        keys = set(self._dataset.keys) & set(source._dataset.keys)
        taken = [annotation for annotation in source._all() if annotation.episode_key in keys]
        if taken == [annotation for annotation in self._all() if annotation.episode_key in keys]:
            return
        with self._writing() as store:
            store.executemany("DELETE FROM annotation WHERE episode_key = ?", [(key,) for key in keys])
            for a in taken:
                _insert_again(store, a, a.episode_key, (a.from_row, a.to_row))

    def _key(self, episode: int) -> Digest:
        if not 0 <= episode < self._dataset.num_episodes:
            raise EpisodeIndexError(self._dataset.root, episode, self._dataset.num_episodes)
        return self._dataset.keys[episode]

    def _all(self, key: Digest | None = None) -> list[Annotation]:
        if not self.path.exists():
            return []
        with closing(sqlite3.connect(f"{self.path.resolve().as_uri()}?mode=ro", uri=True, timeout=10)) as store:
            try:
                return _read(store, key)
            except sqlite3.DatabaseError as error:
                raise AnnotationError(
                    str(self.path), f"{error}. Remove the file, or restore it from a backup"
                ) from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that waits for another writer; an exception leaves the store as it was."""
        with closing(sqlite3.connect(self.path, timeout=10, isolation_level=None)) as store:
            try:
                store.executescript(SCHEMA)
                store.execute("BEGIN IMMEDIATE")
            except sqlite3.DatabaseError as error:
                raise AnnotationError(
                    str(self.path), f"{error}. Remove the file, or restore it from a backup"
                ) from error
            try:
                yield store
            except BaseException:
                store.execute("ROLLBACK")
                raise
            store.execute("COMMIT")


class Moved(Contract):
    """What became of an episode in another dataset."""

    key: Digest
    from_row: int = 0
    """Row of the original that is the first now."""
    to_row: int
    """Row of the original after the last that is here."""

    def rows(self, annotation: Annotation) -> tuple[int | None, int | None] | None:
        """Rows of an annotation of the original; None if none of them is left."""
        if annotation.from_row is None or annotation.to_row is None:
            return None, None
        first, last = max(annotation.from_row, self.from_row), min(annotation.to_row, self.to_row)
        return (first - self.from_row, last - self.from_row) if first < last else None


def _checked(kind: Kind, value: str, rows: tuple[int, int] | None, length: int) -> str:
    if not value or len(value) > LONGEST:
        raise AnnotationError(kind, f"{len(value)} characters. Give 1 to {LONGEST}")
    for one, known in (("rating", RATINGS), ("review", REVIEWS)):
        if kind == one and value not in known:
            raise AnnotationError(kind, f"'{value}' is none. Give {', '.join(known)}")
    if (kind == "subtask") != (rows is not None):
        raise AnnotationError(kind, "a subtask has rows, and nothing else has. Give --rows FROM:TO with a subtask")
    if rows is not None and not 0 <= rows[0] < rows[1] <= length:
        raise AnnotationError(kind, f"rows {rows[0]}:{rows[1]} are not within 0:{length}")
    return value


def _marks(annotations: Sequence[Annotation]) -> Marks:
    def values(kind: Kind) -> list[str]:
        return [annotation.value for annotation in annotations if annotation.kind == kind]

    single = {kind: values(kind)[-1] for kind in SINGLE if values(kind)}
    return Marks.model_validate(
        {
            "labels": tuple(values("label")),
            "category": single.get("category"),
            "rating": int(single["rating"]) if "rating" in single else None,
            "review": single.get("review"),
            "decision": next((a for a in reversed(annotations) if a.kind == "review"), None),
            "comments": tuple(a for a in annotations if a.kind == "comment"),
            "subtasks": tuple(
                sorted((a for a in annotations if a.kind == "subtask"), key=lambda a: (a.from_row or 0, a.id))
            ),
        }
    )


def _read(store: sqlite3.Connection, key: Digest | None) -> list[Annotation]:
    where, values = ("WHERE episode_key = ?", (key,)) if key is not None else ("", ())
    rows = store.execute(f"SELECT {', '.join(COLUMNS)} FROM annotation {where} ORDER BY id", values)  # noqa: S608 constants
    return [Annotation.model_validate(dict(zip(COLUMNS, row, strict=True)), strict=False) for row in rows]


def _insert(
    store: sqlite3.Connection,
    key: Digest,
    kind: Kind,
    value: str,
    rows: tuple[int | None, int | None],
    author: str,
    at: datetime,
) -> Annotation:
    row = store.execute(
        "INSERT INTO annotation (episode_key, kind, value, from_row, to_row, author, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (key, kind, value, *rows, author, at.isoformat()),
    )
    assert row.lastrowid is not None
    return Annotation(
        id=row.lastrowid,
        episode_key=key,
        kind=kind,
        value=value,
        from_row=rows[0],
        to_row=rows[1],
        author=author,
        at=at,
    )


def _insert_again(
    store: sqlite3.Connection, annotation: Annotation, key: Digest, rows: tuple[int | None, int | None]
) -> None:
    added = _insert(store, key, annotation.kind, annotation.value, rows, annotation.author, annotation.at)
    if annotation.removed_at is not None:
        store.execute(
            "UPDATE annotation SET removed_by = ?, removed_at = ? WHERE id = ?",
            (annotation.removed_by, annotation.removed_at.isoformat(), added.id),
        )


def _remove(store: sqlite3.Connection, annotation: int, author: str) -> bool:
    done = store.execute(
        "UPDATE annotation SET removed_by = ?, removed_at = ? WHERE id = ? AND removed_at IS NULL",
        (author, _now().isoformat(), annotation),
    )
    return done.rowcount == 1


def _now() -> datetime:
    return datetime.now(UTC)
