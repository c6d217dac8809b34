"""Where in the fleet a drift is: at a site, in a cohort, on a robot, or with the policy everywhere."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from scipy.stats import hypergeom

from physai.infrastructure.contracts import Attribution, EpisodeEvent
from physai.infrastructure.rates import rate_of

LEVELS: tuple[Literal["site", "cohort", "robot"], ...] = ("site", "cohort", "robot")
SURE = 0.01  # Holm-adjusted; a wrong finger sends a technician to the wrong robot
type Part = tuple[Literal["site", "cohort", "robot"], str, list[EpisodeEvent]]


def attribute(events: Sequence[EpisodeEvent]) -> Attribution:
    """The part of the fleet that fails more than the rest, the likeliest one; the policy if there is none.

    Each part is tested against the rest (Fisher's exact test, one-sided), all of them together by Holm's method.
    Of parts that say the same, the widest is named.

    Args:
        events: Production episodes since the change, at least one.
    """
    failures = sum(not event.data.success for event in events)
    parts = [part for part in _parts(events) if len(part[2]) < len(events)]
    raw = [_p_value(part[2], failures, len(events)) for part in parts]
    adjusted = holm(raw)
    if parts and min(adjusted) <= SURE:
        best = int(np.argmin(raw))  # the first of equals; parts come widest first
        level, name, members = parts[best]
        good = sum(event.data.success for event in members)
        rest = len(events) - len(members)
        return Attribution(
            level=level,
            name=name,
            inside=rate_of(good, len(members)),
            outside=rate_of(len(events) - failures - good, rest),
            p_value=adjusted[best],
        )
    policy = events[0].data.policy
    whole = rate_of(len(events) - failures, len(events))
    return Attribution(level="policy", name=policy, inside=whole, outside=None, p_value=1.0)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values in the same order. Source: Holm 1979, Scandinavian Journal of Statistics 6, 65-70."""
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(p_values), 0, -1)
    steps = np.maximum.accumulate(np.minimum(np.asarray(p_values)[order] * factors, 1.0))
    adjusted = np.empty(len(p_values))
    adjusted[order] = steps
    return [float(value) for value in adjusted]


def _parts(events: Sequence[EpisodeEvent]) -> Iterator[Part]:
    for level in LEVELS:
        members: defaultdict[str, list[EpisodeEvent]] = defaultdict(list)
        for event in events:
            name = getattr(event.data, level)
            if name is not None:
                members[name].append(event)
        for name in sorted(members):
            yield level, name, members[name]


def _p_value(members: Sequence[EpisodeEvent], failures: int, episodes: int) -> float:
    """Probability of so many failures or more among the members, if all of the fleet fails alike."""
    failed = sum(not event.data.success for event in members)
    return float(hypergeom.sf(failed - 1, episodes, failures, len(members)))
