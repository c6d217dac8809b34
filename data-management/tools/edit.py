"""Deletes, keeps, trims, merges and splits episodes; each is a list of pieces for `rewrite`."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from physai.infrastructure.contracts import Contract, DroppedEpisode
from physai.infrastructure.datasets import Dataset

from ..errors import EmptyResultError, SelectionError
from .lineage import origins
from .provenance import provenance_of
from .rewrite import EditReport, Piece, rewrite
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
    operation: str = "filter",
    arguments: Mapping[str, str] | None = None,
    reason: str = "",
) -> EditReport:
    """Keep these episodes, in the order of the dataset.

    Args:
        root: The dataset.
        episodes: Indices.
        output: Where the result appears; by default it takes the dataset's place, and `undo` brings the old one back.
        operation: Goes into the provenance, as do the next.
        arguments: What the operation was given.
        reason: Why the others are left out.

    Raises:
        EmptyResultError: If none would be left.
        SelectionError: If there is no such episode.
    """
    dataset = Dataset(root)
    kept = _checked(dataset, episodes)
    if not kept:
        raise EmptyResultError(root, operation)
    content = provenance_of(dataset).content
    left_out = sorted(set(range(dataset.num_episodes)).difference(kept))
    dropped = [DroppedEpisode(source=content, source_episode=i, reason=reason or operation) for i in left_out]
    return _apply(root, output, [Piece.whole(dataset, i) for i in kept], operation, arguments, dropped)


def delete(
    root: Path,
    episodes: Iterable[int],
    *,
    output: Path | None = None,
    arguments: Mapping[str, str] | None = None,
    reason: str = "",
) -> EditReport:
    """Leave these episodes out; otherwise as `keep`."""
    dataset = Dataset(root)
    gone = set(_checked(dataset, episodes))
    kept = [index for index in range(dataset.num_episodes) if index not in gone]
    return keep(root, kept, output=output, operation="delete", arguments=arguments, reason=reason)


def trim(
    root: Path,
    rows: Mapping[int, Rows],
    *,
    output: Path | None = None,
    arguments: Mapping[str, str] | None = None,
) -> EditReport:
    """Keep only these rows of some episodes.

    Args:
        root: The dataset.
        rows: Episode → what is kept of it.
        output: As in `keep`.
        arguments: As in `keep`.

    Raises:
        SelectionError: If there are no such rows.
    """
    dataset = Dataset(root)
    _checked(dataset, rows)
    for episode, (first, last) in rows.items():
        if not 0 <= first < last <= dataset.lengths[episode]:
            raise SelectionError(f"{first}:{last}", f"episode {episode} has rows 0:{dataset.lengths[episode]}")
    pieces = [Piece(dataset, i, *rows.get(i, (0, dataset.lengths[i]))) for i in range(dataset.num_episodes)]
    return _apply(root, output, pieces, "trim", arguments)


def merge(roots: Sequence[Path], output: Path) -> EditReport:
    """Make one dataset of several; episodes of each split stay together.

    Raises:
        MergeError: If they do not fit together.
    """
    pieces = [Piece.whole(dataset, i) for dataset in map(Dataset, roots) for i in range(dataset.num_episodes)]
    return _write(pieces, output, "merge", {"datasets": ", ".join(map(str, roots))})


def split(root: Path, parts: Sequence[str], output: Path, *, seed: int = 0) -> list[EditReport]:
    """Make several datasets of one; episodes that stem from one recording stay together.

    Args:
        root: The dataset.
        parts: `NAME=FRACTION` of the recordings; together 1 at most.
        output: Folder in which a dataset of each name appears.
        seed: Chooses.

    Raises:
        SelectionError: If fractions are no fractions, or a part would be empty.
    """
    dataset = Dataset(root)
    fractions = _fractions(parts)
    reports = []
    for name, episodes in share(origins(dataset), fractions, seed).items():
        if not episodes:
            raise SelectionError(f"{name}={fractions[name]:g}", f"no episode of {dataset.num_episodes} would be in it")
        pieces = [Piece.whole(dataset, index) for index in episodes]
        arguments = {"part": name, "fraction": f"{fractions[name]:g}", "seed": str(seed)}
        reports.append(rewrite(pieces, output / name, "split", arguments=arguments))
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
    operation: str,
    arguments: Mapping[str, str] | None,
    dropped: Sequence[DroppedEpisode] = (),
) -> EditReport:
    """Write elsewhere, or in the dataset's place."""
    if output is not None:
        return _write(pieces, output, operation, arguments, dropped)
    build: Callable[[Path, str], EditReport] = lambda target, edit_id: _write(  # noqa: E731
        pieces, target, operation, arguments, dropped, edit_id
    )
    return replace(root, build)


def _write(
    pieces: Sequence[Piece],
    output: Path,
    operation: str,
    arguments: Mapping[str, str] | None = None,
    dropped: Sequence[DroppedEpisode] = (),
    edit_id: str | None = None,
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
        operation,
        arguments=arguments,
        splits={name: len(group) for name, group in by_split.items()},
        dropped=dropped,
        edit_id=edit_id,
    )


def _checked(dataset: Dataset, episodes: Iterable[int]) -> list[int]:
    chosen = sorted(set(episodes))
    for index in chosen:
        if not 0 <= index < dataset.num_episodes:
            raise SelectionError(str(index), f"{dataset.root} has episodes 0 to {dataset.num_episodes - 1}")
    return chosen
