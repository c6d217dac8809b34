"""What follows from a drift, by the rules and by what was asked for before."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from physai.infrastructure.contracts import (
    Collection,
    Contract,
    Digest,
    DriftReport,
    EpisodeEvent,
    RetrainRequest,
    Submission,
)

from ..errors import OtherTelemetryError
from .rules import RetrainRules, Rule
from .select import choose, failures


class Decision(Contract):
    """What follows, and why."""

    verdict: Literal["retrain", "asked", "inspect", "nothing", "refused"]
    """`asked`: there is a request already; `refused`: beyond the budget."""
    why: str
    request: RetrainRequest | None = None
    """To be made, or made already."""


def name_of(drift: DriftReport) -> str:
    """The name of the request that a drift report asks for."""
    return f"retrain-{drift.digest.removeprefix('sha256:')[:12]}"


def decide(
    drift: DriftReport,
    events: Sequence[EpisodeEvent],
    dataset: Digest,
    rules: RetrainRules,
    before: Sequence[RetrainRequest],
    now: datetime,
) -> Decision:
    """Tell what follows from a drift report. The same report is answered by the same request for ever.

    Args:
        drift: Any report, with drift or without.
        events: All production episodes of its policy.
        dataset: What the policy was trained on.
        rules: To go by.
        before: Requests made so far.
        now: The time of day.

    Raises:
        OtherTelemetryError: If none of these episodes failed where the report says they did.
    """
    for request in before:
        if request.name == name_of(drift):
            return Decision(verdict="asked", why=f"{request.name} is of this very drift report", request=request)
    if drift.attribution is None:
        return Decision(verdict="nothing", why="no drift")
    lost = drift.baseline.value - drift.attribution.inside.value
    level = drift.attribution.level
    rule = next((rule for rule in rules.rules if level in rule.where and lost >= rule.least_drop), None)
    if rule is None:
        return Decision(verdict="nothing", why=f"no rule for a drop of {lost:.0%} of a {level}")
    if rule.then == "inspect":
        return Decision(verdict="inspect", why=f"{level} {drift.attribution.name}: {lost:.0%} below the evaluation")
    recent = [each for each in before if each.policy == drift.policy and _age_h(each, now) < rules.cool_down_h]
    if recent:
        why = f"{recent[-1].name} is {_age_h(recent[-1], now):.1f} h old, of the same package"
        return Decision(verdict="asked", why=why, request=recent[-1])
    if over := _over_budget(rules, rule, before, now):
        return Decision(verdict="refused", why=over)
    why = f"{level} {drift.attribution.name}: {lost:.0%} below the evaluation"
    return Decision(verdict="retrain", why=why, request=_request(drift, events, dataset, rules, rule, now))


def _age_h(request: RetrainRequest, now: datetime) -> float:
    return (now - request.requested_at) / timedelta(hours=1)


def _over_budget(rules: RetrainRules, rule: Rule, before: Sequence[RetrainRequest], now: datetime) -> str:
    """What is beyond the budget; empty if nothing is."""
    if rules.budget is None:
        return ""
    counted = [request for request in before if _age_h(request, now) < rules.budget.days * 24]
    within = f"in {rules.budget.days:g} days"
    if len(counted) >= rules.budget.requests:
        return f"{len(counted)} requests {within}, and the budget is {rules.budget.requests}"
    episodes = sum(request.collect.episodes for request in counted) + rule.collect_episodes
    if episodes > rules.budget.episodes:
        return f"{episodes} episodes to collect {within}, and the budget is {rules.budget.episodes}"
    return ""


def _request(
    drift: DriftReport,
    events: Sequence[EpisodeEvent],
    dataset: Digest,
    rules: RetrainRules,
    rule: Rule,
    now: datetime,
) -> RetrainRequest:
    assert drift.attribution is not None
    failed = failures(drift, events)
    if not failed:
        raise OtherTelemetryError(drift.policy, drift.changed_at)
    (site, _), *_ = Counter(event.data.site for event in failed).most_common(1)
    (task, _), *_ = Counter(event.data.task for event in failed).most_common(1)
    return RetrainRequest(
        name=name_of(drift),
        requested_at=now,
        drift=drift.digest,
        policy=drift.policy,
        dataset=dataset,
        where=drift.attribution,
        pull=tuple(choose(failed, rules.pull_episodes)),
        collect=Collection(site=site, task=task, episodes=rule.collect_episodes),
        submit=Submission(
            workflow=rules.workflow,
            values={
                "champion": drift.policy,
                "parent_dataset": dataset,
                "task": task,
                "site": site,
                "episodes": rule.collect_episodes,
            },
        ),
        needs_approval="the rules want a person's word" if rule.approval else "",
    )
