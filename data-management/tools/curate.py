"""Makes a training dataset: checks episodes, drops what is unfit, merges, splits, publishes."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from physai.infrastructure.contracts import Contract, Digest, DroppedEpisode
from physai.infrastructure.datasets import Dataset, DatasetWriter, fetch, is_digest, publish

from ..errors import MergeError, NothingLeftError
from .checks import Limits
from .lineage import descent
from .split import Candidate, split
from .validate import check

TRAIN, HELDOUT = "train", "heldout"

Track = Callable[[Iterable[tuple[Dataset, int]]], Iterable[tuple[Dataset, int]]]


class CurateReport(Contract):
    """What a curation did."""

    dataset: str
    content: Digest
    parents: tuple[Digest, ...]
    train: int
    """Episodes."""
    heldout: int
    """Episodes."""
    rows: int
    dropped: tuple[DroppedEpisode, ...]
    published: bool


def curate(
    sources: Sequence[Path],
    output: Path,
    *,
    heldout: float = 0.1,
    seed: int = 0,
    limits: Limits | None = None,
    publish_it: bool = True,
    track: Track = iter,
) -> CurateReport:
    """Write one dataset of the fit episodes of all sources, training episodes first.

    Args:
        sources: Datasets with provenance, same features and rate.
        output: Where the dataset appears.
        heldout: Fraction of each source's episodes to hold out; a source that was split already keeps its split.
        seed: Chooses the held-out episodes.
        limits: Bounds of what is plausible.
        publish_it: Put the result into the store.
        track: Wraps the episodes to show progress.

    Raises:
        DatasetError: If a source cannot be read, or is not what its provenance says.
        MergeError: If sources do not fit together.
        NothingLeftError: If no episode is fit.
        SplitError: If training or held-out episodes would be missing.
    """
    datasets = [Dataset(path) for path in sources]
    for dataset in datasets:
        dataset.verify()
        _check_mergeable(dataset, datasets[0])
    first = datasets[0]
    provenance = first.required_provenance
    with DatasetWriter(
        output, fps=first.fps, features=first.info.recorded, robot=provenance.robot, task=provenance.task
    ) as writer:
        candidates, dropped = _sift(datasets, limits or Limits(), track)
        if not candidates:
            raise NothingLeftError(sources[0], len(dropped), dropped[0].reason)
        train, held = split(candidates, heldout, seed)
        for dataset in datasets:
            writer.add_parent(dataset)
        for candidate in (*train, *held):
            _copy(writer, datasets[candidate.dataset], candidate.episode)
        writer.dropped = dropped
        writer.splits = {TRAIN: len(train), HELDOUT: len(held)}
    written = Dataset(output)
    if publish_it:
        publish(output)
    return CurateReport(
        dataset=str(output),
        content=written.required_provenance.content,
        parents=written.required_provenance.parents,
        train=len(train),
        heldout=len(held),
        rows=written.info.total_frames,
        dropped=tuple(dropped),
        published=publish_it,
    )


@contextmanager
def located(names: Sequence[str], output: Path) -> Iterator[list[Path]]:
    """Folders of datasets that are named by path or by digest; those by digest are fetched beside `output`."""
    aside = output.with_name(f".{output.name}.merge")
    try:
        yield [fetch(name, aside / name.replace(":", "-")) if is_digest(name) else Path(name) for name in names]
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _check_mergeable(dataset: Dataset, first: Dataset) -> None:
    for what in ("fps", "robot_type"):
        if getattr(dataset.info, what) != getattr(first.info, what):
            raise MergeError(dataset.root, what, getattr(dataset.info, what), getattr(first.info, what))
    found, expected = dataset.info.features, first.info.features
    for name in sorted(found.keys() | expected.keys()):
        here = found[name].merge_key if name in found else "absent"
        there = expected[name].merge_key if name in expected else "absent"
        if here != there:
            raise MergeError(dataset.root, f"feature '{name}'", here, there)


def _sift(datasets: Sequence[Dataset], limits: Limits, track: Track) -> tuple[list[Candidate], list[DroppedEpisode]]:
    """Fit episodes, and why others are not."""
    candidates: list[Candidate] = []
    dropped: list[DroppedEpisode] = []
    seen: set[tuple[object, ...]] = set()
    numbers = {source.root: number for number, source in enumerate(datasets)}
    episodes = [(source, index) for source in datasets for index in range(source.num_episodes)]
    for dataset, index in track(episodes):
        provenance = dataset.required_provenance
        source = provenance.episodes[index]
        origin = descent(source, provenance, {**dataset.ancestors, provenance.content: provenance}).raw
        finding = check(dataset, index, limits)
        reason = f"{finding.check}: {finding.detail}" if finding else None
        identity = (origin, source.generator, *sorted(source.parameters.items()))
        if reason is None and identity in seen:
            reason = f"duplicate: the recording {origin} is in it already"
        if reason is not None:
            dropped.append(DroppedEpisode(source=provenance.content, source_episode=index, reason=reason))
            continue
        seen.add(identity)
        kept_out = index in dataset.splits.get(HELDOUT, range(0))
        candidates.append(Candidate(numbers[dataset.root], index, origin, kept_out))
    return candidates, dropped


def _copy(writer: DatasetWriter, dataset: Dataset, index: int) -> None:
    provenance = dataset.required_provenance
    source = provenance.episodes[index].model_copy(update={"source": provenance.content, "source_episode": index})
    writer.copy_episode(dataset, index, source=source)
