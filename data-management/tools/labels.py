"""Says the same of several episodes, and lists what was said."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from physai.infrastructure.contracts import Contract
from physai.infrastructure.datasets import Dataset
from physai.infrastructure.storage import open_store
from physai.infrastructure.storage.uri import FolderLocation, parse

from ..annotations import Annotation, Annotations, Change, Review
from ..described import Described, described
from ..journal import Kind
from .edit import Rows


class Words(Contract):
    """What is said; None or empty: nothing of this kind."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    category: str | None = None
    rating: int | None = None
    review: Review | None = None
    comment: str | None = None
    subtask: str | None = None

    @property
    def something(self) -> bool:
        """Whether anything is said."""
        return self != Words()


class LabelReport(Contract):
    """What was said of which episodes."""

    dataset: str
    episodes: tuple[int, ...]
    words: Words


class Entry(Contract):
    """An annotation with the episode's number in this dataset."""

    episode: int
    annotation: Annotation


class EntryReport(Contract):
    """All annotations of a dataset."""

    dataset: str
    entries: tuple[Entry, ...]


class Judged(NamedTuple):
    """A dataset whose episodes are spoken of, and where that is kept."""

    name: str
    about: Dataset | Described
    store: Annotations


def judged(dataset: str) -> Judged:
    """Open a dataset to speak of it: a folder, or a URI in Blob Storage, of which only the metadata is brought here.

    Raises:
        BadUriError: If it is neither.
        DatasetError: If it is damaged.
        StorageError: If the container cannot be read.
    """
    location = parse(dataset)
    if isinstance(location, FolderLocation):
        opened = Dataset(location.path)
        return Judged(str(location.path), opened, Annotations(opened))
    store = open_store(dataset)
    about, journal = described(store)
    return Judged(store.uri, about, Annotations(about, journal))


def say(
    dataset: Judged, episodes: Iterable[int], words: Words, rows: Mapping[int, Rows], *, author: str | None = None
) -> LabelReport:
    """Say the same of each episode; a label to remove that an episode does not have is no fault.

    Args:
        dataset: The dataset.
        episodes: Indices.
        words: What is said.
        rows: Of the subtask, by episode.
        author: By default who runs this.

    Raises:
        AnnotationError: If a value is not one of its kind.
    """
    chosen = tuple(episodes)
    single: dict[Kind, str | None] = {
        "category": words.category,
        "rating": None if words.rating is None else str(words.rating),
        "review": words.review,
        "comment": words.comment,
    }
    changes: list[Change] = []
    for episode in chosen:
        changes += [Change(episode, "label", label) for label in words.add]
        changes += [Change(episode, "label", label, off=True) for label in words.remove]
        changes += [Change(episode, kind, value) for kind, value in single.items() if value is not None]
        if words.subtask is not None:
            changes.append(Change(episode, "subtask", words.subtask, rows[episode]))
    dataset.store.change(changes, author=author)
    return LabelReport(dataset=dataset.name, episodes=chosen, words=words)


def said(dataset: Judged, *, history: bool = False) -> EntryReport:
    """What was said of each episode, in order of episodes, then of time.

    Args:
        dataset: The dataset.
        history: Also what was removed or replaced.
    """
    by_key: dict[str, list[Annotation]] = {}
    for annotation in dataset.store.entries(history=history):
        by_key.setdefault(annotation.episode_key, []).append(annotation)
    return EntryReport(
        dataset=dataset.name,
        entries=tuple(
            Entry(episode=episode, annotation=annotation)
            for episode, key in enumerate(dataset.about.keys if by_key else ())
            for annotation in by_key.get(key, ())
        ),
    )
