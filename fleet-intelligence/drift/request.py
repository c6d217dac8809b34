"""What to learn from a drift: which episodes speak for it, and what to collect."""

from collections import Counter
from collections.abc import Iterable, Sequence

from physai.infrastructure.contracts import (
    Collection,
    Digest,
    DriftReport,
    EpisodeEvent,
    RetrainRequest,
)

ERROR = "final_error_m"


def make_request(
    drift: DriftReport, events: Sequence[EpisodeEvent], dataset: Digest, episodes: int, site: str | None = None
) -> RetrainRequest:
    """Ask for retraining.

    Args:
        drift: A report in which drift was called.
        events: The production episodes behind it; some of them failed.
        dataset: What the package was trained on.
        episodes: How many to collect.
        site: Where to collect; by default where most episodes failed.
    """
    failed = distinct(worst_first(event for event in events if not event.data.success))
    sites = Counter(event.data.site for event in failed)
    return RetrainRequest(
        drift=drift.digest,
        policy=drift.policy,
        dataset=dataset,
        events=tuple(event.id for event in failed),
        collect=Collection(
            site=site or sites.most_common(1)[0][0],
            task=Counter(event.data.task for event in failed).most_common(1)[0][0],
            episodes=episodes,
        ),
    )


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
