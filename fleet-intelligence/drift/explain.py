"""Where a policy's failures are, and what has changed there."""

from collections.abc import Sequence

from physai.infrastructure.contracts import Attribution, Contract, Digest, EpisodeEvent

from ..errors import TooFewEpisodesError
from .attribution import attribute
from .behaviour import LEAST_MEMORIES, compare, features
from .change import Change
from .check import in_order_of_start


class SensorChange(Contract):
    """A sensor that sees otherwise than before."""

    sensor: str
    features: tuple[str, ...]
    """Of it, that have changed, the surest first."""
    p_value: float
    """Of the surest."""


class Explanation(Contract):
    """What has changed in what a policy's robots see and do."""

    policy: Digest
    before: int
    after: int
    """Episodes of either period, in the part of the fleet that is looked at."""
    attribution: Attribution
    """Where the failures of the recent period are; that part is looked at."""
    sensors: tuple[SensorChange, ...]
    """The surest first."""
    changes: tuple[Change, ...]

    def words(self) -> str:
        """Where and what, in one line."""
        where = (
            "everywhere" if self.attribution.level == "policy" else f"{self.attribution.level} {self.attribution.name}"
        )
        seen = ", ".join(each.sensor for each in self.sensors) or "no sensor changed"
        return f"{where}: {seen}"


def explain(events: Sequence[EpisodeEvent], recent: int) -> Explanation:
    """Compare the newest episodes with those before: first where the failures are, then what changed in that part.

    Where a robot alone fails, only its own episodes are compared, so that a sensor of one robot is not lost among a
    thousand others.

    Args:
        events: Of one policy, at least one.
        recent: How many are the newest.

    Raises:
        TooFewEpisodesError: If too few remain on a side for any answer.
    """
    ordered = in_order_of_start(events)
    policy = ordered[0].data.policy
    if len(ordered) < recent + LEAST_MEMORIES:
        raise TooFewEpisodesError(f"production of {policy}", len(ordered), recent + LEAST_MEMORIES)
    where = attribute(ordered[-recent:])
    before, after = (
        [each for each in part if where.level == "policy" or getattr(each.data, where.level) == where.name]
        for part in (ordered[:-recent], ordered[-recent:])
    )
    changes = tuple(compare(features(before), features(after)))
    return Explanation(
        policy=policy,
        before=len(before),
        after=len(after),
        attribution=where,
        sensors=tuple(_sensors(changes)),
        changes=changes,
    )


def _sensors(changes: Sequence[Change]) -> list[SensorChange]:
    """By the name of a feature, `features.<sensor>.<what>`; changes come surest first."""
    found: dict[str, list[Change]] = {}
    for change in changes:
        if change.changed and change.feature.startswith("features."):
            found.setdefault(change.feature.split(".")[1], []).append(change)
    return [
        SensorChange(sensor=name, features=tuple(each.feature for each in of), p_value=of[0].p_value or 0.0)
        for name, of in found.items()
    ]
