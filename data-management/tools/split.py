"""Which episodes are held out, so that no origin is on both sides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from physai.infrastructure.contracts import Digest

from ..errors import SplitError


@dataclass(frozen=True)
class Candidate:
    """An episode that may be used."""

    dataset: int
    """Number of the source dataset; 0 is the first."""
    episode: int
    """Index there."""
    origin: Digest
    """Of the raw recording it goes back to; varied copies share it."""
    heldout: bool
    """Held out in its source dataset already; stays so."""


def split(candidates: Sequence[Candidate], heldout: float, seed: int) -> tuple[list[Candidate], list[Candidate]]:
    """Split by origin, the same fraction of every source dataset.

    Args:
        candidates: Fit episodes.
        heldout: Fraction to hold out, 0 to 1. A source that was split already keeps its split.
        seed: Same seed, same split.

    Returns:
        Training and held-out episodes, each in order of dataset and episode.

    Raises:
        SplitError: If a side would be empty although `heldout` asks for both.
    """
    out: set[Digest] = set()
    for dataset in sorted({candidate.dataset for candidate in candidates}):
        out |= _held_out([c for c in candidates if c.dataset == dataset], heldout, seed + dataset)
    train = [candidate for candidate in candidates if candidate.origin not in out]
    held = [candidate for candidate in candidates if candidate.origin in out]
    if not train or (heldout > 0 and not held):
        raise SplitError(len(candidates), heldout)
    return train, held


def _held_out(candidates: Sequence[Candidate], heldout: float, seed: int) -> set[Digest]:
    if kept := {candidate.origin for candidate in candidates if candidate.heldout}:
        return kept
    origins = list(dict.fromkeys(candidate.origin for candidate in candidates))
    number = max(round(heldout * len(origins)), 1) if heldout > 0 and len(origins) > 1 else 0
    chosen = np.random.default_rng(seed).permutation(len(origins))[:number]
    return {origins[i] for i in chosen.tolist()}


def share(origins: Sequence[Digest], parts: Mapping[str, float], seed: int) -> dict[str, list[int]]:
    """Share episodes out by fractions, those of one origin to one part.

    Args:
        origins: Of each episode, by index.
        parts: Name → fraction of the origins; together 1 at most. What is left over goes nowhere.
        seed: Same seed, same parts.

    Returns:
        Name → indices of episodes, ascending.
    """
    distinct = list(dict.fromkeys(origins))
    order = np.random.default_rng(seed).permutation(len(distinct))
    bounds = np.round(np.cumsum([0.0, *parts.values()]) * len(distinct)).astype(int)
    part_of = {
        distinct[i]: name
        for name, first, last in zip(parts, bounds[:-1], bounds[1:], strict=True)
        for i in order[first:last].tolist()
    }
    return {name: [i for i, origin in enumerate(origins) if part_of.get(origin) == name] for name in parts}
