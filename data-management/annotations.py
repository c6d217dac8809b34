"""What people say of episodes: one store per dataset, used by commands, viewer and filters alike.

The store is the journal in `meta/annotations/` of the dataset (`journal.py`) and travels with it; the dataset's content
digest leaves it out, so a label never makes another dataset. Entries belong to an episode by its key (`Dataset.keys`),
which stays the same when episodes are deleted, split and merged; `tools/rewrite.py` carries them into each dataset that
it writes. Nothing is overwritten: what was removed or replaced stays in the history, with who did it and when.
"""

import getpass
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, get_args

from pydantic import AwareDatetime, Field

from physai.infrastructure.contracts import Contract, Digest
from physai.infrastructure.datasets.errors import EpisodeIndexError

from .errors import AnnotationError, NoAnnotationError, NothingSaidError
from .journal import Journal, Kind, Line, Said, Statement, TakenBack, Undone, journal_of, stamp

Review = Literal["accept", "reject", "unsure"]

SINGLE: tuple[Kind, ...] = ("category", "rating", "review")
"""Kinds of which an episode has one; a new one replaces it."""

REVIEWS: tuple[str, ...] = get_args(Review)
RATINGS = ("1", "2", "3", "4", "5")
LONGEST = 2000
"""Characters of a value."""


class Episodes(Protocol):
    """What must be known of a dataset: `Dataset`, or what its metadata tells of one that is elsewhere."""

    @property
    def root(self) -> Path:
        """Its folder, for messages."""

    @property
    def keys(self) -> list[Digest]:
        """Of each episode."""

    @property
    def lengths(self) -> list[int]:
        """Rows of each episode."""


class Change(NamedTuple):
    """Something to say of an episode, or to take off it."""

    episode: int
    kind: Kind
    value: str
    rows: tuple[int, int] | None = None
    """Of a subtask, and only of it: first row within the episode, and the one after the last."""
    off: bool = False
    """Take off a label; one that is not there is no fault."""


class Annotation(Statement):
    """What was said of an episode, and whether it still holds."""

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


class UndoneAct(Contract):
    """What one person said at once, and does not say any more."""

    author: str
    at: AwareDatetime
    """When it was said."""
    episodes: tuple[int, ...]
    """That it was about."""
    lines: int
    """Things that were said, or taken back."""


class Annotations:
    """The store of one dataset. Reading never creates it.

    Example:
        ```python
        store = Annotations(Dataset(root))
        store.add(3, "label", "grasp-slips")
        store.marks(3).labels
        ```
    """

    def __init__(self, dataset: Episodes, journal: Journal | None = None) -> None:
        self._dataset = dataset
        self.journal = journal or journal_of(dataset.root)

    def add(
        self, episode: int, kind: Kind, value: str, *, author: str | None = None, rows: tuple[int, int] | None = None
    ) -> None:
        """Say something of an episode; a label it has already is left as it is.

        Args:
            episode: Index in the dataset.
            kind: What is said.
            value: See `Annotation.value`.
            author: By default who runs this.
            rows: As in `Change`.

        Raises:
            EpisodeIndexError: If there is no such episode.
            AnnotationError: If the value is not one of this kind.
        """
        self.change([Change(episode, kind, value, rows)], author=author)

    def change(self, changes: Sequence[Change], *, author: str | None = None) -> None:
        """Say several things at once: all of them, or none.

        Raises:
            EpisodeIndexError: If there is no such episode.
            AnnotationError: If a value is not one of its kind; then nothing is said.
        """
        author, at = author or getpass.getuser(), datetime.now(UTC)
        word = stamp(at)
        present = [a for a in self._all() if a.kind == "label" and a.removed_at is None]
        labels: dict[tuple[Digest, str], list[str]] = {}
        for annotation in present:
            labels.setdefault((annotation.episode_key, annotation.value), []).append(annotation.id)
        lines: list[Line] = []
        for number, change in enumerate(changes):
            key, name = self._key(change.episode), f"{word}-{number:06d}"
            value = _checked(change, self._dataset.lengths[change.episode])
            if change.off:
                lines += [TakenBack(id=known, author=author, at=at) for known in labels.pop((key, value), ())]
                continue
            if change.kind == "label":
                if (key, value) in labels:
                    continue
                labels[key, value] = [name]
            first, last = change.rows or (None, None)
            lines.append(
                Said(
                    id=name,
                    episode_key=key,
                    kind=change.kind,
                    value=value,
                    from_row=first,
                    to_row=last,
                    author=author,
                    at=at,
                )
            )
        self.journal.append(lines)

    def remove(self, episode: int, annotation: str, *, author: str | None = None) -> None:
        """Take something back that was said of an episode; it stays in the history.

        A rating, category or review that it had replaced is the episode's again.

        Raises:
            EpisodeIndexError: If there is no such episode.
            NoAnnotationError: If nothing of this id is said of it, or it was removed already.
        """
        if not any(a.id == annotation for a in self.entries(episode)):
            raise NoAnnotationError(self.journal.place, f"annotation {annotation} on episode {episode}")
        self.journal.append([TakenBack(id=annotation, author=author or getpass.getuser(), at=datetime.now(UTC))])

    def undo(self, *, author: str | None = None) -> UndoneAct:
        """Undo the last thing that somebody said at once here, of however many episodes.

        What was said is taken back; what was replaced or taken back holds again, by who had said it. The next undo goes
        one act further back.

        Args:
            author: Whose; by default of who runs this.

        Raises:
            NothingSaidError: If they did nothing, or all of it is undone.
        """
        author, lines = author or getpass.getuser(), self.journal.lines()
        undone = _undone(lines)
        acts = {line.at for line in lines if not isinstance(line, Undone) and line.author == author}
        acts = {at for at in acts if (author, at) not in undone}
        if not acts:
            raise NothingSaidError(self.journal.place, author)
        last = max(acts)
        self.journal.append([Undone(act=last, author=author, at=datetime.now(UTC))])
        act = [line for line in lines if not isinstance(line, Undone) and (line.author, line.at) == (author, last)]
        key_of = {line.id: line.episode_key for line in lines if isinstance(line, Said)}
        keys = {key_of.get(line.id) for line in act}
        episodes = tuple(episode for episode, key in enumerate(self._dataset.keys) if key in keys)
        return UndoneAct(author=author, at=last, episodes=episodes, lines=len({line.id for line in act}))

    def remove_label(self, episode: int, label: str, *, author: str | None = None) -> None:
        """Take a label off an episode.

        Raises:
            NoAnnotationError: If the episode does not have it.
        """
        if label.strip() not in self.marks(episode).labels:
            raise NoAnnotationError(self.journal.place, f"label '{label}' on episode {episode}")
        self.change([Change(episode, "label", label, off=True)], author=author)

    def entries(self, episode: int | None = None, *, history: bool = False) -> list[Annotation]:
        """Annotations of one episode or of all that this dataset has, oldest first.

        Args:
            episode: Index in the dataset.
            history: Also what was removed or replaced.
        """
        lines = self.journal.lines()
        if not lines and episode is None:
            return []
        wanted = {self._key(episode)} if episode is not None else set(self._dataset.keys)
        found = folded([line for line in lines if not isinstance(line, Said) or line.episode_key in wanted])
        return [annotation for annotation in found if history or annotation.removed_at is None]

    def marks(self, episode: int) -> Marks:
        """What is said of one episode now."""
        if not self.journal.names() and 0 <= episode < len(self._dataset.lengths):
            return Marks()
        return _marks(self.entries(episode))

    def all_marks(self) -> list[Marks]:
        """What is said of each episode now, by index."""
        if not self.journal.names():
            return [Marks()] * len(self._dataset.lengths)
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
        lines = source.journal.lines()
        said = [line for line in lines if isinstance(line, Said)]
        renamed: dict[str, list[str]] = {}
        taken: dict[str, Line] = {}
        for line in said:
            for move in moved.get(line.episode_key, ()):
                rows = move.rows(line)
                if rows is not None:
                    name = _renamed(line, move)
                    changes = {"id": name, "episode_key": move.key, "from_row": rows[0], "to_row": rows[1]}
                    taken[name] = line.model_copy(update=changes)
                    renamed.setdefault(line.id, []).append(name)
        back = [
            line.model_copy(update={"id": name})
            for line in lines
            if isinstance(line, TakenBack)
            for name in dict.fromkeys(renamed.get(line.id, ()))
        ]
        self._append_new([*taken.values(), *back, *_undoing([*taken.values(), *back], lines)])

    def adopt(self, source: "Annotations") -> None:
        """Take over what another store says of the episodes that are in both datasets."""
        keys = set(self._dataset.keys) & set(source._dataset.keys)
        lines = source.journal.lines()
        names = {line.id for line in lines if isinstance(line, Said) and line.episode_key in keys}
        taken = [line for line in lines if not isinstance(line, Undone) and line.id in names]
        self._append_new([*taken, *_undoing(taken, lines)])

    def _append_new(self, lines: Sequence[Line]) -> None:
        known = set(self.journal.lines())
        self.journal.append([line for line in lines if line not in known])

    def _key(self, episode: int) -> Digest:
        if not 0 <= episode < len(self._dataset.lengths):
            raise EpisodeIndexError(self._dataset.root, episode, len(self._dataset.lengths))
        return self._dataset.keys[episode]

    def _all(self) -> list[Annotation]:
        return folded(self.journal.lines())


class Moved(Contract):
    """What became of an episode in another dataset."""

    key: Digest
    from_row: int = 0
    """Row of the original that is the first now."""
    to_row: int
    """Row of the original after the last that is here."""

    def rows(self, annotation: Statement) -> tuple[int | None, int | None] | None:
        """Rows of an annotation of the original; None if none of them is left."""
        if annotation.from_row is None or annotation.to_row is None:
            return None, None
        first, last = max(annotation.from_row, self.from_row), min(annotation.to_row, self.to_row)
        return (first - self.from_row, last - self.from_row) if first < last else None


def folded(lines: Sequence[Line]) -> list[Annotation]:
    """Annotations, oldest first, with who removed or replaced each; the order of the lines does not matter."""
    undone = _undone(lines)
    said: dict[str, Said] = {}
    back: dict[str, TakenBack | Undone] = {}
    for line in lines:
        if isinstance(line, Undone):
            continue
        removal: TakenBack | Undone | None = undone.get((line.author, line.at))
        if isinstance(line, Said):
            said[line.id] = line
        else:
            removal = line if removal is None else None
        if removal is not None and (line.id not in back or removal.at < back[line.id].at):
            back[line.id] = removal
    found: list[Annotation] = []
    newest: dict[tuple[Digest, Kind], int] = {}
    for line in sorted(said.values(), key=lambda line: (line.at, line.id)):
        taken = back.get(line.id)
        if line.kind in SINGLE and taken is None:
            before = newest.get((line.episode_key, line.kind))
            if before is not None:
                replaced = {"removed_by": line.author, "removed_at": line.at}
                found[before] = found[before].model_copy(update=replaced)
            newest[line.episode_key, line.kind] = len(found)
        gone = {"removed_by": taken.author, "removed_at": taken.at} if taken else {}
        found.append(Annotation.model_validate(line.model_dump(exclude={"what"}) | gone))
    return found


def _undone(lines: Iterable[Line]) -> dict[tuple[str, datetime], Undone]:
    """By author and time of the act, the first undoing of it."""
    found: dict[tuple[str, datetime], Undone] = {}
    for line in lines:
        if isinstance(line, Undone) and (
            (line.author, line.act) not in found or line.at < found[line.author, line.act].at
        ):
            found[line.author, line.act] = line
    return found


def _undoing(taken: Iterable[Line], lines: Iterable[Line]) -> list[Line]:
    """What undoes acts of which some lines were taken over."""
    acts = {(line.author, line.at) for line in taken}
    return [line for line in lines if isinstance(line, Undone) and (line.author, line.act) in acts]


def _renamed(line: Said, move: Moved) -> str:
    """The same in every dataset that has the same episode, another for a cut of it."""
    if line.episode_key == move.key:
        return line.id
    return f"{line.id[:60]}-{hashlib.sha256(f'{line.id} {move.key}'.encode()).hexdigest()[:12]}"


def _checked(change: Change, length: int) -> str:
    kind, value, rows = change.kind, change.value.strip(), change.rows
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
            "labels": tuple(dict.fromkeys(values("label"))),
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
