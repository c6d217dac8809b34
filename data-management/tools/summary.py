"""What a dataset holds, in few numbers."""

from collections import Counter
from pathlib import Path

from physai.infrastructure.contracts import Contract, Digest
from physai.infrastructure.datasets import Dataset
from physai.infrastructure.storage import open_store
from physai.infrastructure.storage.uri import FolderLocation, parse

from ..described import Described, described


class FeatureSummary(Contract):
    """One column or camera."""

    dtype: str
    shape: tuple[int, ...]
    names: tuple[str, ...]


class DatasetSummary(Contract):
    """A dataset in few numbers."""

    dataset: str
    content: Digest | None
    """None for a dataset without provenance."""
    robot: str | None
    tasks: tuple[str, ...]
    episodes: int
    rows: int
    rate_hz: int
    shortest: int
    """Rows of the shortest episode."""
    longest: int
    splits: dict[str, int]
    """Name → episodes."""
    features: dict[str, FeatureSummary]
    worlds: dict[str, int] = {}
    """Name → episodes; empty without provenance, as are the next three."""
    generators: dict[str, int] = {}
    outcomes: dict[str, int] = {}
    parents: tuple[Digest, ...] = ()


def summarise(dataset: str | Path) -> DatasetSummary:
    """Describe a dataset, in a folder or in Blob Storage.

    Raises:
        BadUriError: If it is neither.
        DatasetError: If it cannot be read.
    """
    location = parse(str(dataset))
    if isinstance(location, FolderLocation):
        return _summary(str(location.path), Dataset(location.path))
    store = open_store(str(dataset))
    return _summary(store.uri, described(store)[0])


def _summary(name: str, dataset: Dataset | Described) -> DatasetSummary:
    provenance = dataset.provenance
    sources = provenance.episodes if provenance else ()
    return DatasetSummary(
        dataset=name,
        content=provenance.content if provenance else None,
        robot=dataset.info.robot_type,
        tasks=tuple(dict.fromkeys(dataset.tasks)),
        episodes=dataset.num_episodes,
        rows=dataset.info.total_frames,
        rate_hz=dataset.fps,
        shortest=min(dataset.lengths),
        longest=max(dataset.lengths),
        splits={name: len(episodes) for name, episodes in dataset.splits.items()},
        features={
            name: FeatureSummary(dtype=f.dtype, shape=f.shape, names=tuple(f.element_names))
            for name, f in dataset.info.recorded.items()
        },
        worlds=dict(Counter(source.world for source in sources)),
        generators=dict(Counter(source.generator for source in sources)),
        outcomes=dict(Counter(source.outcome for source in sources)),
        parents=provenance.parents if provenance else (),
    )
