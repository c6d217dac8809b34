"""How often the fleet succeeds: by policy, and within a policy by site, cohort and robot."""

from typing import Literal, get_args

from pydantic import AwareDatetime

from physai.infrastructure.contracts import Contract, Digest, Rate
from physai.infrastructure.rates import rate_of

from .store import TelemetryStore

By = Literal["policy", "site", "cohort", "robot"]


class Group(Contract):
    """Episodes that have a policy, or a policy and a site, cohort or robot, in common."""

    policy: Digest
    by: By
    name: str
    """Of the site, cohort or robot; of a policy, its digest."""
    success: Rate
    first: AwareDatetime
    last: AwareDatetime


class TelemetrySummary(Contract):
    """What the store holds, counted."""

    store: str
    episodes: int
    groups: tuple[Group, ...]


def summarize(store: TelemetryStore) -> TelemetrySummary:
    """Count everything in the store."""
    groups: list[Group] = []
    for by in get_args(By):
        groups += [
            Group(
                policy=tally.policy,
                by=by,
                name=tally.name,
                success=rate_of(tally.successes, tally.episodes),
                first=tally.first,
                last=tally.last,
            )
            for tally in store.tally(by)
        ]
    order = {policy: place for place, policy in enumerate(store.policies())}
    groups.sort(key=lambda group: order[group.policy])
    episodes = sum(group.success.episodes for group in groups if group.by == "policy")
    return TelemetrySummary(store=str(store.path), episodes=episodes, groups=tuple(groups))
