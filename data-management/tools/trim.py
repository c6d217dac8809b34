"""Which rows of an episode stay: by number, or by where it moves."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from physai.infrastructure.datasets import Dataset

from ..errors import SelectionError
from .edit import Rows
from .quality import Track, quality


def row_cuts(lengths: Sequence[int], episodes: Iterable[int], text: str) -> dict[int, Rows]:
    """Rows `FROM:TO` of each episode; a negative number counts from the end, an absent one is the end.

    Args:
        lengths: Rows of each episode of the dataset.
        episodes: Indices.
        text: As it was given.

    Raises:
        SelectionError: If it is written otherwise, or an episode has no such rows.
    """
    first, colon, last = text.partition(":")
    if not colon or not all(part.removeprefix("-").isdecimal() or not part for part in (first, last)):
        raise SelectionError(text, "write rows as FROM:TO, e.g. 10:-5")
    cuts = {}
    for episode in episodes:
        start, end, _ = slice(int(first or 0), int(last) if last else None).indices(lengths[episode])
        if start >= end:
            raise SelectionError(text, f"no row is left of episode {episode}, which has {lengths[episode]}")
        cuts[episode] = (start, end)
    return cuts


def idle_cuts(root: Path, episodes: Iterable[int], margin_s: float, track: Track = iter) -> dict[int, Rows]:
    """Rows from the first to the last movement, of episodes that stand still before or after; others are left alone.

    Args:
        root: The dataset.
        episodes: Indices.
        margin_s: What stays around the movement.
        track: Wraps the episodes while they are judged, to show progress.
    """
    dataset, judged = Dataset(root), quality(root, track).episodes
    cuts = {}
    for episode in episodes:
        found = judged[episode]
        if found.idle is None or found.idle >= 1 or found.idle_start_s is None or found.idle_end_s is None:
            continue
        start = max(int((found.idle_start_s - margin_s) * dataset.fps), 0)
        end = min(dataset.lengths[episode], dataset.lengths[episode] - int((found.idle_end_s - margin_s) * dataset.fps))
        if (start, end) != (0, dataset.lengths[episode]):
            cuts[episode] = (start, end)
    return cuts
