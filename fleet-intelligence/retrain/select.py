"""Which production episodes to fetch: failures, each command once, what tells most that is new first."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.contracts import Attribution, DriftReport, EpisodeEvent, Pull

from ..drift.check import in_order_of_start

ERROR = "final_error_m"
MOST = 20_000  # candidates; of more, the worst


def failures(drift: DriftReport, events: Sequence[EpisodeEvent]) -> list[EpisodeEvent]:
    """Episodes that failed since the change, in the part of the fleet that drifted, in the order of their start.

    Args:
        drift: A report in which drift was called.
        events: All production episodes of its policy.
    """
    assert drift.attribution is not None
    since = in_order_of_start(events)[drift.changed_at :]
    return [event for event in since if not event.data.success and _inside(event, drift.attribution)]


def _inside(event: EpisodeEvent, where: Attribution) -> bool:
    return where.level == "policy" or getattr(event.data, where.level) == where.name


def choose(failed: Iterable[EpisodeEvent], most: int) -> list[Pull]:
    """At most so many: the worst first, then always the one whose command lies farthest from all chosen so far.

    Greedy k-centre selection, whose choice covers the commands at most twice as coarsely as the best one.
    Source: Sener & Savarese 2018, arXiv:1708.00489, algorithm 1.
    """
    candidates = distinct(worst_first(failed))[:MOST]
    if not candidates:
        return []
    points = _scaled(candidates)
    distance = np.full(len(candidates), np.inf)
    chosen: list[Pull] = []
    at, novelty = 0, 1.0
    far = float(np.sqrt(points.shape[1])) or 1.0
    while len(chosen) < min(most, len(candidates)):
        data = candidates[at].data
        chosen.append(
            Pull(
                source=candidates[at].source,
                event=candidates[at].id,
                release=data.release,
                episode=data.episode,
                novelty=novelty,
            )
        )
        distance = np.minimum(distance, np.linalg.norm(points - points[at], axis=1))
        distance[at] = -1.0  # never twice
        at = int(np.argmax(distance))
        novelty = min(float(distance[at]) / far, 1.0)
    return chosen


def worst_first(events: Iterable[EpisodeEvent]) -> list[EpisodeEvent]:
    """By how far from the target an episode ended; those that do not say come last, in order of time."""
    return sorted(events, key=lambda event: (-event.data.kpis.get(ERROR, -1.0), event.time, event.id))


def distinct(events: Iterable[EpisodeEvent]) -> list[EpisodeEvent]:
    """The first of those that asked the same of a robot at the same site: a repetition teaches nothing new."""
    first: dict[tuple[object, ...], EpisodeEvent] = {}
    for event in events:
        data = event.data
        first.setdefault((data.site, data.task, data.command or event.id), event)
    return list(first.values())


def _scaled(events: Sequence[EpisodeEvent]) -> NDArray[np.float64]:
    """Commands with each number scaled to 0 to 1, shape (N, D); commands of another length count as far away."""
    width = max(len(event.data.command) for event in events)
    points = np.array([(*event.data.command, *[np.nan] * (width - len(event.data.command))) for event in events])
    low, high = np.nanmin(points, axis=0, initial=np.inf), np.nanmax(points, axis=0, initial=-np.inf)
    scaled: NDArray[np.float64] = (points - low) / np.where(high > low, high - low, 1.0)
    return np.nan_to_num(scaled, nan=2.0)
