"""Walks from a dataset back to the raw recordings its episodes were."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import AwareDatetime

from physai.infrastructure.contracts import Contract, DatasetEdit, DatasetProvenance, Digest, EpisodeSource
from physai.infrastructure.datasets import Dataset, fetch_provenance, is_digest
from physai.infrastructure.datasets.reader import read_ancestors
from physai.infrastructure.storage import open_store
from physai.infrastructure.storage.uri import FolderLocation, parse

from ..described import described
from ..errors import ElsewhereError, MissingAncestorError
from .provenance import provenance_of

Provenances = Mapping[Digest, DatasetProvenance]


class Step(Contract):
    """An episode in one of the datasets it went through."""

    dataset: Digest
    episode: int
    generator: str
    rows: tuple[int, int] | None = None
    """Of the episode in the step before this one's (nearer the recording), if not all of it was kept."""


class Descent(Contract):
    """Where one episode comes from."""

    episode: int
    steps: tuple[Step, ...]
    """From the dataset itself back to the one that was converted from recordings."""
    raw: Digest
    """Of the recording."""
    rows: tuple[int, int] | None
    """Of the first episode that was made of it: first row, and the one after the last; None: all."""
    world: str
    seed: int


class Ancestor(Contract):
    """A dataset on the way back."""

    content: Digest
    created_at: AwareDatetime
    episodes: int
    dropped: int
    parents: tuple[Digest, ...]
    edit: DatasetEdit | None
    """What made it of its parents."""


class Lineage(Contract):
    """Everything a dataset stems from."""

    dataset: Digest
    datasets: tuple[Ancestor, ...]
    """The dataset itself, then its ancestors, nearest first."""
    episodes: tuple[Descent, ...]


def trace(dataset: str) -> Lineage:
    """Lineage of a dataset that is named by its folder, its URI, or the digest it was published under.

    Raises:
        BadUriError: If it is none of these.
        DatasetError: If there is no such dataset, or it is not what its provenance says.
        MissingAncestorError: If the lineage breaks off.
    """
    if is_digest(dataset):
        with TemporaryDirectory() as folder:
            return lineage(*fetch_provenance(dataset, Path(folder)))
    location = parse(dataset)
    if not isinstance(location, FolderLocation):
        about, _ = described(open_store(dataset))
        if about.provenance is None:  # only from all of its files can one be made
            raise ElsewhereError(location.uri)
        return lineage(about.provenance, read_ancestors(about.root))
    opened = Dataset(location.path)
    return lineage(opened.provenance or provenance_of(opened), opened.ancestors)


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
    steps = [_step(provenance, source)]
    current, rows = source, source.rows
    while current.source_episode is not None:
        parent = known.get(current.source)
        if parent is None or not current.source_episode < len(parent.episodes) or len(steps) > len(known):
            raise MissingAncestorError(current.source)
        current = parent.episodes[current.source_episode]
        steps.append(_step(parent, current))
        if current.rows is not None:  # rows of rows
            first, last = rows or (0, current.rows[1] - current.rows[0])
            rows = current.rows[0] + first, current.rows[0] + last
    return Descent(
        episode=source.episode,
        steps=tuple(steps),
        raw=current.source,
        rows=rows,
        world=current.world,
        seed=current.seed,
    )


def origins(dataset: Dataset, provenance: DatasetProvenance | None = None) -> list[Digest]:
    """The recording that each episode goes back to; varied copies share it.

    Args:
        dataset: The dataset.
        provenance: Its provenance, if it was verified already.

    Raises:
        MissingAncestorError: If the lineage breaks off.
    """
    provenance = provenance or provenance_of(dataset)
    known = {**dataset.ancestors, provenance.content: provenance}
    return [descent(source, provenance, known).raw for source in provenance.episodes]


def _step(provenance: DatasetProvenance, source: EpisodeSource) -> Step:
    return Step(dataset=provenance.content, episode=source.episode, generator=source.generator, rows=source.rows)


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
        edit=provenance.edit,
    )
