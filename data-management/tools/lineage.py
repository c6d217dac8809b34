"""Walks from a dataset back to the raw recordings its episodes were."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import AwareDatetime

from physai.infrastructure.contracts import Contract, DatasetProvenance, Digest, EpisodeSource
from physai.infrastructure.datasets import Dataset, fetch_provenance, is_digest

from ..errors import MissingAncestorError

Provenances = Mapping[Digest, DatasetProvenance]


class Step(Contract):
    """An episode in one of the datasets it went through."""

    dataset: Digest
    episode: int
    generator: str


class Descent(Contract):
    """Where one episode comes from."""

    episode: int
    steps: tuple[Step, ...]
    """From the dataset itself back to the one that was converted from recordings."""
    raw: Digest
    """Of the recording."""
    world: str
    seed: int


class Ancestor(Contract):
    """A dataset on the way back."""

    content: Digest
    created_at: AwareDatetime
    episodes: int
    dropped: int
    parents: tuple[Digest, ...]


class Lineage(Contract):
    """Everything a dataset stems from."""

    dataset: Digest
    datasets: tuple[Ancestor, ...]
    """The dataset itself, then its ancestors, nearest first."""
    episodes: tuple[Descent, ...]


def trace(dataset: str) -> Lineage:
    """Lineage of a dataset that is named by its folder or by the digest it was published under.

    Raises:
        DatasetError: If there is no such dataset, or it has no provenance.
        MissingAncestorError: If the lineage breaks off.
    """
    if is_digest(dataset):
        with TemporaryDirectory() as folder:
            return lineage(*fetch_provenance(dataset, Path(folder)))
    opened = Dataset(Path(dataset))
    return lineage(opened.required_provenance, opened.ancestors)


def lineage(provenance: DatasetProvenance, ancestors: Provenances) -> Lineage:
    """Walk back from a dataset.

    Args:
        provenance: Of the dataset.
        ancestors: By content digest.

    Raises:
        MissingAncestorError: If a parent's provenance is not among the ancestors.
    """
    known = {**ancestors, provenance.content: provenance}
    return Lineage(
        dataset=provenance.content,
        datasets=tuple(_ancestor(known[digest]) for digest in _generations(provenance, known)),
        episodes=tuple(descent(source, provenance, known) for source in provenance.episodes),
    )


def descent(source: EpisodeSource, provenance: DatasetProvenance, known: Provenances) -> Descent:
    """Walk back from one episode.

    Raises:
        MissingAncestorError: If a parent's provenance is not known.
    """
    steps = [Step(dataset=provenance.content, episode=source.episode, generator=source.generator)]
    current = source
    while current.source_episode is not None:
        parent = known.get(current.source)
        if parent is None or not current.source_episode < len(parent.episodes):
            raise MissingAncestorError(current.source)
        current = parent.episodes[current.source_episode]
        steps.append(Step(dataset=parent.content, episode=current.episode, generator=current.generator))
    return Descent(
        episode=source.episode, steps=tuple(steps), raw=current.source, world=current.world, seed=current.seed
    )


def _generations(provenance: DatasetProvenance, known: Provenances) -> list[Digest]:
    """Digests of the dataset and its ancestors, nearest first, each once."""
    order: dict[Digest, None] = {provenance.content: None}
    queue = [provenance.content]
    while queue:
        digest = queue.pop(0)
        if digest not in known:
            raise MissingAncestorError(digest)
        for parent in known[digest].parents:
            if parent not in order:
                order[parent] = None
                queue.append(parent)
    return list(order)


def _ancestor(provenance: DatasetProvenance) -> Ancestor:
    return Ancestor(
        content=provenance.content,
        created_at=provenance.created_at,
        episodes=len(provenance.episodes),
        dropped=len(provenance.dropped),
        parents=provenance.parents,
    )
