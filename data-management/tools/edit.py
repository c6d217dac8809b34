"""Deletes, keeps, trims, merges and splits episodes; each is a list of pieces for `rewrite`."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from physai.infrastructure.contracts import Contract, DatasetEdit, DatasetProvenance, DroppedEpisode
from physai.infrastructure.datasets import Dataset

from ..errors import EmptyResultError, SelectionError
from .lineage import origins
from .pieces import Piece
from .provenance import provenance_of
from .rewrite import EditReport, Progress, described_edit, rewrite, silent
from .split import share
from .versions import replace

Rows = tuple[int, int]
"""First row within an episode, and the one after the last."""


PART = re.compile(r"(?P<name>\w[\w.-]*)=(?P<fraction>\d*\.?\d+)")


class SplitReport(Contract):
    """The datasets that were made of one."""

    parts: tuple[EditReport, ...]


def keep(
    root: Path,
    episodes: Iterable[int],
    *,
    output: Path | None = None,
    arguments: Mapping[str, str] | None = None,
    reason: str = "",
    author: str | None = None,
    progress: Progress = silent,
) -> EditReport:
    """Keep these episodes, in the order of the dataset.

    Args:
        root: The dataset.
        episodes: Indices.
        output: Where the result appears; by default it takes the dataset's place, and `undo` brings the old one back.
        arguments: What the operation was given; goes into the provenance, as do the next.
        reason: Why the others are left out.
        author: By default who runs this.
        progress: As in `rewrite`.

    Raises:
        EmptyResultError: If none would be left.
        SelectionError: If there is no such episode.
    """
    dataset = Dataset(root)
    kept = _checked(dataset, episodes)
    return _keep(dataset, kept, output, described_edit("filter", arguments, author), reason, progress)


def delete(
    root: Path,
    episodes: Iterable[int],
    *,
    output: Path | None = None,
    arguments: Mapping[str, str] | None = None,
    reason: str = "",
    author: str | None = None,
    progress: Progress = silent,
) -> EditReport:
    """Leave these episodes out; otherwise as `keep`."""
    dataset = Dataset(root)
    gone = set(_checked(dataset, episodes))
    kept = [index for index in range(dataset.num_episodes) if index not in gone]
    return _keep(dataset, kept, output, described_edit("delete", arguments, author), reason, progress)


def _keep(
    dataset: Dataset, kept: Sequence[int], output: Path | None, edit: DatasetEdit, reason: str, progress: Progress
) -> EditReport:
    if not kept:
        raise EmptyResultError(dataset.root, edit.operation)
    provenance = provenance_of(dataset)
    dropped = [
        DroppedEpisode(source=provenance.content, source_episode=index, reason=reason or edit.operation)
        for index in sorted(set(range(dataset.num_episodes)).difference(kept))
    ]
    pieces = [Piece.whole(dataset, index) for index in kept]
    return _apply(dataset.root, output, pieces, edit, dropped=dropped, parents={dataset: provenance}, progress=progress)


def trim(
    root: Path,
    rows: Mapping[int, Rows],
    *,
    output: Path | None = None,
    arguments: Mapping[str, str] | None = None,
    author: str | None = None,
    progress: Progress = silent,
) -> EditReport:
    """Keep only these rows of some episodes.

    Args:
        root: The dataset.
        rows: Episode → what is kept of it.
        output: As in `keep`.
        arguments: As in `keep`, as are the next.
        author: By default who runs this.
        progress: As in `rewrite`.

    Raises:
        SelectionError: If there are no such rows.
    """
    dataset = Dataset(root)
    _checked(dataset, rows)
    for episode, (first, last) in rows.items():
        if not 0 <= first < last <= dataset.lengths[episode]:
            raise SelectionError(f"{first}:{last}", f"episode {episode} has rows 0:{dataset.lengths[episode]}")
    pieces = [Piece(dataset, i, *rows.get(i, (0, dataset.lengths[i]))) for i in range(dataset.num_episodes)]
    return _apply(root, output, pieces, described_edit("trim", arguments, author), progress=progress)


def merge(
    roots: Sequence[Path],
    output: Path,
    *,
    arguments: Mapping[str, str] | None = None,
    author: str | None = None,
    progress: Progress = silent,
) -> EditReport:
    """Make one dataset of several; episodes of each split stay together.

    Args:
        roots: The datasets.
        output: Where the result appears.
        arguments: Goes into the provenance; by default the folders.
        author: By default who runs this.
        progress: As in `rewrite`.

    Raises:
        MergeError: If they do not fit together.
    """
    pieces = [Piece.whole(dataset, i) for dataset in map(Dataset, roots) for i in range(dataset.num_episodes)]
    return _write(
        pieces, output, described_edit("merge", arguments or {"datasets": ", ".join(map(str, roots))}, author), progress
    )


def split(
    root: Path,
    parts: Sequence[str],
    output: Path,
    *,
    seed: int = 0,
    arguments: Mapping[str, str] | None = None,
    author: str | None = None,
    progress: Progress = silent,
) -> list[EditReport]:
    """Make several datasets of one; episodes that stem from one recording stay together.

    Args:
        root: The dataset.
        parts: `NAME=FRACTION` of the recordings; together 1 at most.
        output: Folder in which a dataset of each name appears.
        seed: Chooses.
        arguments: Goes into the provenance beside these.
        author: By default who runs this.
        progress: As in `rewrite`, for one part after the other.

    Raises:
        SelectionError: If fractions are no fractions, or a part would be empty.
    """
    dataset = Dataset(root)
    fractions = _fractions(parts)
    provenance = provenance_of(dataset)
    shares = share(origins(dataset, provenance), fractions, seed)
    for name in (name for name, episodes in shares.items() if not episodes):
        raise SelectionError(f"{name}={fractions[name]:g}", f"no episode of {dataset.num_episodes} would be in it")
    reports = []
    for name, episodes in shares.items():
        pieces = [Piece.whole(dataset, index) for index in episodes]
        own = {"part": name, "fraction": f"{fractions[name]:g}", "seed": str(seed)}
        edit = described_edit("split", {**own, **(arguments or {})}, author)
        reports.append(rewrite(pieces, output / name, edit, parents={dataset: provenance}, progress=progress))
    return reports


def _fractions(texts: Iterable[str]) -> dict[str, float]:
    """Parts of a split by name."""
    parts: dict[str, float] = {}
    for text in texts:
        found = PART.fullmatch(text)
        if found is None or found["name"] in parts:
            raise SelectionError(text, "write each part once, as train=0.9")
        parts[found["name"]] = float(found["fraction"])
    if not all(parts.values()) or sum(parts.values()) > 1 + 1e-9:
        raise SelectionError(", ".join(texts), "give fractions that add up to 1, or less")
    return parts


def _apply(
    root: Path,
    output: Path | None,
    pieces: Sequence[Piece],
    edit: DatasetEdit,
    *,
    dropped: Sequence[DroppedEpisode] = (),
    parents: Mapping[Dataset, DatasetProvenance] | None = None,
    progress: Progress = silent,
) -> EditReport:
    """Write elsewhere, or in the dataset's place."""

    def build(target: Path) -> EditReport:
        return _write(pieces, target, edit, progress, dropped=dropped, parents=parents)

    return build(output) if output is not None else replace(root, edit.id, build)


def _write(
    pieces: Sequence[Piece],
    output: Path,
    edit: DatasetEdit,
    progress: Progress,
    *,
    dropped: Sequence[DroppedEpisode] = (),
    parents: Mapping[Dataset, DatasetProvenance] | None = None,
) -> EditReport:
    """Write the pieces, those of each split together, in the order in which the splits occur."""
    by_split: dict[str, list[Piece]] = {}
    for name in (name for piece in pieces for name in piece.dataset.splits):
        by_split.setdefault(name, [])
    for piece in pieces:
        names = [name for name, episodes in piece.dataset.splits.items() if piece.episode in episodes]
        by_split.setdefault(names[0] if names else "train", []).append(piece)
    return rewrite(
        [piece for group in by_split.values() for piece in group],
        output,
        edit,
        splits={name: len(group) for name, group in by_split.items()},
        dropped=dropped,
        parents=parents,
        progress=progress,
    )


def _checked(dataset: Dataset, episodes: Iterable[int]) -> list[int]:
    chosen = sorted(set(episodes))
    for index in chosen:
        if not 0 <= index < dataset.num_episodes:
            raise SelectionError(str(index), f"{dataset.root} has episodes 0 to {dataset.num_episodes - 1}")
    return chosen
