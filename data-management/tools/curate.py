"""Makes a training dataset: checks episodes, drops what is unfit, merges, splits, publishes."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from physai.infrastructure.contracts import Contract, DatasetProvenance, Digest, DroppedEpisode
from physai.infrastructure.datasets import Dataset, fetch, is_digest, publish

from ..errors import NothingLeftError
from .checks import Limits
from .lineage import descent
from .outcome import outcomes
from .pieces import Piece
from .provenance import provenance_of
from .rewrite import Progress, check_mergeable, described_edit, rewrite, silent
from .split import Candidate, split
from .validate import episode_findings

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
    author: str | None = None,
    progress: Progress = silent,
) -> CurateReport:
    """Write one dataset of the fit episodes of all sources, training episodes first.

    Args:
        sources: Datasets of the same features and rate.
        output: Where the dataset appears.
        heldout: Fraction of each source's episodes to hold out; a source that was split already keeps its split.
        seed: Chooses the held-out episodes.
        limits: Bounds of what is plausible.
        publish_it: Put the result into the store.
        track: Wraps the episodes that are checked, to show progress.
        author: By default who runs this.
        progress: Of writing, as in `rewrite`.

    Raises:
        DatasetError: If a source cannot be read, or is not what its provenance says.
        MergeError: If sources do not fit together.
        NothingLeftError: If no episode is fit.
        SplitError: If training or held-out episodes would be missing.
    """
    datasets = [Dataset(path) for path in sources]
    provenances = {dataset: provenance_of(dataset) for dataset in datasets}
    for dataset in datasets:
        check_mergeable(dataset, datasets[0])
    candidates, dropped = _sift(datasets, provenances, limits or Limits(), track)
    if not candidates:
        raise NothingLeftError(sources[0], len(dropped), dropped[0].reason)
    train, held = split(candidates, heldout, seed)
    report = rewrite(
        [Piece.whole(datasets[candidate.dataset], candidate.episode) for candidate in (*train, *held)],
        output,
        described_edit("curate", {"heldout": f"{heldout:g}", "seed": str(seed)}, author),
        splits={TRAIN: len(train), HELDOUT: len(held)},
        dropped=dropped,
        parents=provenances,
        progress=progress,
    )
    if publish_it:
        publish(output)
    return CurateReport(
        dataset=str(output),
        content=report.content,
        parents=report.parents,
        train=len(train),
        heldout=len(held),
        rows=report.rows,
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


def _unfit(dataset: Dataset, index: int, outcome: str, limits: Limits) -> str | None:
    """Why an episode must not be learned from."""
    if outcome not in ("success", "unknown"):
        return f"outcome: outcome is {outcome}"
    failures = [f for f in episode_findings(dataset, index, limits) if f.severity == "fail"]
    return f"{failures[0].defect}: {failures[0].detail}" if failures else None


def _sift(
    datasets: Sequence[Dataset], provenances: Mapping[Dataset, DatasetProvenance], limits: Limits, track: Track
) -> tuple[list[Candidate], list[DroppedEpisode]]:
    """Fit episodes, and why others are not."""
    candidates: list[Candidate] = []
    dropped: list[DroppedEpisode] = []
    seen: set[tuple[object, ...]] = set()
    known = {dataset.root: outcomes(dataset) for dataset in datasets}
    numbers = {source.root: number for number, source in enumerate(datasets)}
    episodes = [(source, index) for source in datasets for index in range(source.num_episodes)]
    for dataset, index in track(episodes):
        provenance = provenances[dataset]
        source = provenance.episodes[index]
        found = descent(source, provenance, {**dataset.ancestors, provenance.content: provenance})
        origin = found.raw
        reason = _unfit(dataset, index, known[dataset.root][index], limits)
        identity = (origin, found.rows, source.generator, *sorted(source.parameters.items()))
        if reason is None and identity in seen:
            reason = f"duplicate: the recording {origin} is in it already"
        if reason is not None:
            dropped.append(DroppedEpisode(source=provenance.content, source_episode=index, reason=reason))
            continue
        seen.add(identity)
        kept_out = index in dataset.splits.get(HELDOUT, range(0))
        candidates.append(Candidate(numbers[dataset.root], index, origin, kept_out))
    return candidates, dropped
