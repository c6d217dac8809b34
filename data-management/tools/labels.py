"""Says the same of several episodes, and lists what was said."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from physai.infrastructure.contracts import Contract
from physai.infrastructure.datasets import Dataset

from ..annotations import Annotation, Annotations, Kind, Review
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


def say(
    root: Path, episodes: Iterable[int], words: Words, rows: Mapping[int, Rows], *, author: str | None = None
) -> LabelReport:
    """Say the same of each episode; a label to remove that an episode does not have is no fault.

    Args:
        root: The dataset.
        episodes: Indices.
        words: What is said.
        rows: Of the subtask, by episode.
        author: By default who runs this.

    Raises:
        AnnotationError: If a value is not one of its kind.
    """
    dataset = Dataset(root)
    store, chosen = Annotations(dataset), tuple(episodes)
    single: dict[Kind, str | None] = {
        "category": words.category,
        "rating": None if words.rating is None else str(words.rating),
        "review": words.review,
        "comment": words.comment,
    }
    for episode in chosen:
        for label in words.add:
            store.add(episode, "label", label, author=author)
        for label in set(words.remove) & set(store.marks(episode).labels):
            store.remove_label(episode, label, author=author)
        for kind, value in single.items():
            if value is not None:
                store.add(episode, kind, value, author=author)
        if words.subtask is not None:
            store.add(episode, "subtask", words.subtask, author=author, rows=rows[episode])
    return LabelReport(dataset=str(root), episodes=chosen, words=words)


def said(root: Path, *, history: bool = False) -> EntryReport:
    """What was said of each episode, in order of episodes, then of time.

    Args:
        root: The dataset.
        history: Also what was removed or replaced.
    """
    dataset = Dataset(root)
    by_key: dict[str, list[Annotation]] = {}
    for annotation in Annotations(dataset).entries(history=history):
        by_key.setdefault(annotation.episode_key, []).append(annotation)
    return EntryReport(
        dataset=str(root),
        entries=tuple(
            Entry(episode=episode, annotation=annotation)
            for episode, key in enumerate(dataset.keys)
            for annotation in by_key.get(key, ())
        ),
    )
