"""The policies of one robot as a pure function of state and event.

    candidate   staged ─ presented ─▶ awaiting ─ approved ─▶ approved ─ began ─▶ activating ─ activated ─▶ active
                  └──── rejected ───────┴──── rejected ─────────┤◀──── rebooted ──────┴─ failed ─▶ rejected
                another release is staged: superseded ◀─────────┘
    active      active ─ the trial passes, or someone confirms ─▶ confirmed ─ another is activated ─▶ superseded
                  └──── the trial stops, or someone decides ────────┴─▶ rolled-back, to the last good one

What serves is `state.active`: it changes in one step from one policy to another, and once there is one there always is.
A release that was rejected or rolled back never comes back. An event that is out of place raises, and changes nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from physai.infrastructure.contracts import Digest, RobotCondition, Stage, Window

from ..errors import RefusedError
from . import events as ev
from .rules import Evidence, GateRules
from .sequential import Tally, boundaries

EMPTY = Tally()


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy on the robot, and how far it has come."""

    release: str
    package: Digest
    evidence: Evidence
    stage: Stage = "staged"
    windows: tuple[Window, ...] = ()
    """Of the release, beside those of the rules."""
    shadow: str | None = None
    """What came of its run in shadow mode, which it passed; None before."""
    approved_by: tuple[str, ...] = ()
    approved_ns: int = 0
    """Time of the last approval, since the epoch."""
    tally: Tally = EMPTY


@dataclass(frozen=True, slots=True)
class GateState:
    """What a robot holds."""

    candidate: Policy | None = None
    """On its way in; changes nothing about what serves."""
    active: Policy | None = None
    """What serves."""
    last_good: Policy | None = None
    """Where a rollback returns to; the last confirmed one, if there was any."""
    halted: str | None = None
    """Why nothing may be activated."""
    hold: bool = False
    """No episode may begin: what serves is bad, and there is nothing to return to."""
    barred: frozenset[str] = frozenset()
    """Releases that were rejected or rolled back."""

    @property
    def packages(self) -> frozenset[Digest]:
        """What must stay on the disk."""
        return frozenset(held.package for held in (self.candidate, self.active, self.last_good) if held)


def step(state: GateState, event: ev.Event, rules: GateRules) -> GateState:
    """The next state.

    Raises:
        RefusedError: If the event is out of place; nothing has changed.
    """
    return _STEPS[type(event)](state, event, rules)


def _staged(state: GateState, event: ev.Staged, _: GateRules) -> GateState:
    if event.release in state.barred:
        raise RefusedError("stage", event.release, "it was rejected or rolled back, and never comes back")
    if state.last_good and state.last_good.release == event.release:
        raise RefusedError("stage", event.release, f"it served before '{_name(state.active)}'; roll that back instead")
    for held in (state.active, state.candidate):
        if held and held.release == event.release:
            raise RefusedError("stage", event.release, f"it is '{held.stage}' already")
    if state.candidate and state.candidate.stage == "activating":
        raise RefusedError("stage", event.release, f"'{state.candidate.release}' is being activated")
    return replace(state, candidate=Policy(event.release, event.package, event.evidence, windows=event.windows))


def _shadow_judged(state: GateState, event: ev.ShadowJudged, _: GateRules) -> GateState:
    candidate = _candidate(state, event.release, "judge", "staged")
    return replace(state, candidate=replace(candidate, shadow=event.why)) if event.passed else _drop(state, candidate)


def _presented(state: GateState, event: ev.Presented, rules: GateRules) -> GateState:
    candidate = _candidate(state, event.release, "present", "staged")
    if rules.shadow and candidate.shadow is None and state.active:
        raise RefusedError("present", event.release, "it has not passed in shadow mode")
    return replace(state, candidate=replace(candidate, stage="awaiting"))


def _approved(state: GateState, event: ev.Approved, rules: GateRules) -> GateState:
    candidate = _candidate(state, event.release, "approve", "awaiting", "approved")
    if event.package != candidate.package:
        raise RefusedError("approve", event.release, f"it is package {candidate.package}, not {event.package}")
    if event.automatic and event.by not in {f"rule:{rule}" for rule in matching(candidate, rules)}:
        raise RefusedError("approve", event.release, f"no rule '{event.by}' matches it")
    if not event.automatic and event.by.startswith("rule:"):
        raise RefusedError("approve", event.release, f"'{event.by}' is the name of a rule, not of a person")
    others = tuple(by for by in candidate.approved_by if by != event.by)
    approved_by = (*others, event.by)
    enough = event.automatic or candidate.stage == "approved" or len(approved_by) >= rules.approvals
    stage: Stage = "approved" if enough else "awaiting"
    at_ns = int(event.at.timestamp() * 1e9)
    return replace(state, candidate=replace(candidate, stage=stage, approved_by=approved_by, approved_ns=at_ns))


def _rejected(state: GateState, event: ev.Rejected, _: GateRules) -> GateState:
    return _drop(state, _candidate(state, event.release, "reject", "staged", "awaiting", "approved"))


def _began(state: GateState, event: ev.Began, rules: GateRules) -> GateState:
    candidate = _candidate(state, event.release, "activate", "approved")
    why = blocked(state, candidate, event, rules)
    if why:
        raise RefusedError("activate", event.release, why)
    return replace(state, candidate=replace(candidate, stage="activating"))


def _activated(state: GateState, event: ev.Activated, _: GateRules) -> GateState:
    candidate = _candidate(state, event.release, "finish", "activating")
    before = state.active
    unproven = before is not None and before.stage != "confirmed"
    last_good = state.last_good if state.hold or (state.last_good and unproven) else before
    return replace(state, candidate=None, active=replace(candidate, stage="active"), last_good=last_good, hold=False)


def _failed(state: GateState, event: ev.Failed, _: GateRules) -> GateState:
    return _drop(state, _candidate(state, event.release, "fail", "activating"))


def _outcome(state: GateState, event: ev.Outcome, rules: GateRules) -> GateState:
    active = _active(state, event.release, "count an episode of", "active")
    if rules.trial is None:
        raise RefusedError("count an episode of", event.release, "the rules have no trial")
    tally = active.tally.add(event.episode, event.success)
    if tally is active.tally:
        raise RefusedError("count an episode of", event.release, f"episode {event.episode} is counted already")
    state = replace(state, active=replace(active, tally=tally))
    verdict = boundaries(active.evidence.baseline, rules.trial).verdict(tally.episodes, tally.failures)
    if verdict == "stop":
        return _return(state)
    return replace(state, active=replace(active, tally=tally, stage="confirmed")) if verdict == "pass" else state


def _confirmed(state: GateState, event: ev.Confirmed, _: GateRules) -> GateState:
    return replace(state, active=replace(_active(state, event.release, "confirm", "active"), stage="confirmed"))


def _rolled_back(state: GateState, event: ev.RolledBack, _: GateRules) -> GateState:
    if state.candidate and state.candidate.release == event.release and state.candidate.stage != "activating":
        return _drop(state, state.candidate)
    if state.last_good and state.last_good.release == event.release:
        return replace(state, last_good=None, barred=state.barred | {event.release})
    _active(state, event.release, "roll back", "active", "confirmed")
    return _return(state)


def _halted(state: GateState, event: ev.Halted, _: GateRules) -> GateState:
    return replace(state, halted=f"{event.by}: {event.reason}")


def _resumed(state: GateState, _: ev.Resumed, __: GateRules) -> GateState:
    if state.halted is None:
        raise RefusedError("resume", "the gate", "it is not halted")
    return replace(state, halted=None)


def _rules_set(state: GateState, _: ev.RulesSet, __: GateRules) -> GateState:
    return state


def _rebooted(state: GateState, _: ev.Rebooted, __: GateRules) -> GateState:
    """A switch that was cut off has not happened: the robot starts with what served before."""
    if state.candidate and state.candidate.stage == "activating":
        return replace(state, candidate=replace(state.candidate, stage="approved"))
    return state


def matching(candidate: Policy, rules: GateRules) -> list[str]:
    """Names of the rules that approve a candidate."""
    evidence, baseline = candidate.evidence, candidate.evidence.baseline
    return [
        rule.name
        for rule in rules.automatic
        if baseline.episodes >= rule.min_episodes
        and baseline.successes >= rule.min_success * baseline.episodes
        and (not rule.packages or candidate.package in rule.packages)
        and (not rule.fleet_approved_by or evidence.fleet_approved_by in rule.fleet_approved_by)
    ]


def blocked(state: GateState, candidate: Policy, event: ev.Began, rules: GateRules) -> str | None:
    """Why an approved candidate may not take over now, or None."""
    if state.halted is not None:
        return f"the gate is halted ({state.halted})"
    since_h = (int(event.at.timestamp() * 1e9) - candidate.approved_ns) / 3.6e12
    if since_h < 0:
        return "the clock stands before its approval; approve it again"
    if since_h > rules.approval_valid_h:
        return f"its approval is older than {rules.approval_valid_h:g} h; approve it again"
    for windows in (rules.windows, candidate.windows):
        if windows and not any(window.is_open(event.at) for window in windows):
            return f"no window is open; the next one opens {_opening(windows, event.at)}"
    return unfit(event.condition, event, rules)


def _opening(windows: tuple[Window, ...], now: datetime) -> str:
    """When the first of some windows opens, by the clock of its place."""
    opening = [(at, window.time_zone) for window in windows if (at := window.next_open(now))]
    if not opening:
        return "never"
    at, zone = min(opening)
    return f"{at.astimezone(ZoneInfo(zone)):%a %Y-%m-%d %H:%M} {zone}"


def unfit(condition: RobotCondition, event: ev.Began, rules: GateRules) -> str | None:
    """What about the robot's condition is in the way, or None."""
    need = rules.condition
    age = event.at - condition.at
    checks = (
        (timedelta(0) <= age <= timedelta(seconds=need.max_age_s), "its condition is not fresh"),
        (not condition.e_stop, "the emergency stop is engaged"),
        (not condition.mid_episode, "an episode is running"),
        (condition.idle or not need.idle, "the robot is not idle"),
        (condition.docked is True or not need.docked, "the robot is not docked"),
        ((condition.battery or 0.0) >= need.min_battery, f"the battery is below {need.min_battery:.0%}"),
        (condition.operator_present is True or not need.operator_present, "no operator is present"),
        (condition.clock_synced is True or not need.clock_synced, "the clock is not synchronised"),
    )
    return next((why for fine, why in checks if not fine), None)


def _candidate(state: GateState, release: str, verb: str, *stages: Stage) -> Policy:
    candidate = state.candidate
    if candidate is None or candidate.release != release:
        raise RefusedError(verb, release, f"the candidate is '{candidate.release}'" if candidate else "no candidate")
    if candidate.stage not in stages:
        raise RefusedError(verb, release, f"it is '{candidate.stage}'")
    return candidate


def _active(state: GateState, release: str, verb: str, *stages: Stage) -> Policy:
    active = state.active
    if active is None or active.release != release:
        raise RefusedError(verb, release, f"'{active.release}' is active" if active else "nothing is active")
    if active.stage not in stages:
        raise RefusedError(verb, release, f"it is '{active.stage}'")
    return active


def _name(policy: Policy | None) -> str:
    return policy.release if policy else "nothing"


def _drop(state: GateState, candidate: Policy) -> GateState:
    return replace(state, candidate=None, barred=state.barred | {candidate.release})


def _return(state: GateState) -> GateState:
    """Leave the active policy for the one before it; without one it stays, and no episode may begin."""
    assert state.active is not None, "checked by the caller"
    barred = state.barred | {state.active.release}
    if state.last_good is None:
        return replace(state, active=replace(state.active, stage="rolled-back"), hold=True, barred=barred)
    return replace(state, active=state.last_good, last_good=None, barred=barred)


_STEPS: dict[type, Callable[[GateState, Any, GateRules], GateState]] = {
    ev.Staged: _staged,
    ev.ShadowJudged: _shadow_judged,
    ev.Presented: _presented,
    ev.Approved: _approved,
    ev.Rejected: _rejected,
    ev.Began: _began,
    ev.Activated: _activated,
    ev.Failed: _failed,
    ev.Outcome: _outcome,
    ev.Confirmed: _confirmed,
    ev.RolledBack: _rolled_back,
    ev.Halted: _halted,
    ev.Resumed: _resumed,
    ev.RulesSet: _rules_set,
    ev.Rebooted: _rebooted,
}
