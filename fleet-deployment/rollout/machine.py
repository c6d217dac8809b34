"""A rollout as a pure function of state and event.

    pending ─ started ─▶ rolling: cohort 0 ─ its trial passes ─▶ cohort 1 ─ … ─ the last one passes ─▶ done
                            └───────── a trial stops, or someone takes it back ─────────▶ stopped

What each robot is to run follows from the state alone (`desired`), so one that was cut off, came late or missed a
message converges by asking again. Episodes count for the cohort of their robot, each once, whenever they are heard of.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from ..errors import RolloutRefusedError
from ..gating.sequential import Tally
from . import events as ev
from .plan import RolloutPlan

type Phase = Literal["pending", "rolling", "done", "stopped"]


@dataclass(frozen=True, slots=True)
class RolloutState:
    """How far a rollout has come."""

    phase: Phase = "pending"
    cohort: int = -1
    """Index of the newest cohort that has the release."""
    tallies: tuple[tuple[str, Tally], ...] = ()
    """Episodes of the newest cohort under the new release, by robot."""
    reported: tuple[tuple[str, str], ...] = ()
    """Release that each robot told of last."""
    why: str = ""
    """Why it was stopped."""
    halted: str | None = None

    @property
    def episodes(self) -> int:
        """Counted in the newest cohort."""
        return sum(tally.episodes for _, tally in self.tallies)

    @property
    def failures(self) -> int:
        """Of these, how many failed."""
        return sum(tally.failures for _, tally in self.tallies)


def desired(state: RolloutState, robot: str, plan: RolloutPlan) -> str | None:
    """The release that a robot is to run now; None for a robot that is not in the plan."""
    cohort = plan.cohort_of(robot)
    if cohort is None:
        return None
    has_it = state.phase in ("rolling", "done") and cohort <= state.cohort
    return plan.release if has_it else plan.previous


def step(state: RolloutState, event: ev.Event, plan: RolloutPlan) -> RolloutState:
    """The next state; an event that changes nothing gives the same one.

    Raises:
        RolloutRefusedError: If a person asks for what cannot be; nothing has changed.
    """
    return _STEPS[type(event)](state, event, plan)


def _plan_set(state: RolloutState, _: ev.PlanSet, __: RolloutPlan) -> RolloutState:
    return state


def _started(state: RolloutState, _: ev.Started, plan: RolloutPlan) -> RolloutState:
    if state.phase != "pending":
        raise RolloutRefusedError(plan.release, "start", f"it is {state.phase}")
    return replace(state, phase="rolling", cohort=0)


def _reported(state: RolloutState, event: ev.Reported, plan: RolloutPlan) -> RolloutState:
    told = dict(state.reported)
    if plan.cohort_of(event.robot) is None or told.get(event.robot) == event.release:
        return state
    return replace(state, reported=tuple(sorted({**told, event.robot: event.release}.items())))


def _episode_ended(state: RolloutState, event: ev.EpisodeEnded, plan: RolloutPlan) -> RolloutState:
    counts = state.phase == "rolling" and event.release == plan.release
    if not counts or plan.cohort_of(event.robot) != state.cohort:
        return state
    tallies = dict(state.tallies)
    before = tallies.get(event.robot, Tally())
    after = before.add(event.episode, event.success)
    if after is before:
        return state
    return _judge(replace(state, tallies=tuple(sorted({**tallies, event.robot: after}.items()))), plan)


def _judge(state: RolloutState, plan: RolloutPlan) -> RolloutState:
    """Stop, go on to the next cohort, or wait for more episodes."""
    verdict = plan.boundaries_of(state.cohort).verdict(state.episodes, state.failures)
    name = plan.cohorts[state.cohort].name
    if verdict == "stop":
        why = f"{state.failures} of {state.episodes} episodes failed in cohort '{name}'"
        return replace(state, phase="stopped", why=why)
    if verdict == "pass" and state.halted is None and len(state.tallies) >= plan.cohorts[state.cohort].min_robots:
        return _next(state, plan)
    return state


def _next(state: RolloutState, plan: RolloutPlan) -> RolloutState:
    if state.cohort + 1 == len(plan.cohorts):
        return replace(state, phase="done")
    return replace(state, cohort=state.cohort + 1, tallies=())


def _halted(state: RolloutState, event: ev.Halted, plan: RolloutPlan) -> RolloutState:
    if state.phase in ("done", "stopped"):
        raise RolloutRefusedError(plan.release, "halt", f"it is {state.phase}")
    return replace(state, halted=f"{event.by}: {event.reason}")


def _resumed(state: RolloutState, _: ev.Resumed, plan: RolloutPlan) -> RolloutState:
    if state.halted is None:
        raise RolloutRefusedError(plan.release, "resume", "it is not halted")
    state = replace(state, halted=None)
    return _judge(state, plan) if state.phase == "rolling" else state


def _taken_back(state: RolloutState, event: ev.TakenBack, plan: RolloutPlan) -> RolloutState:
    if state.phase == "stopped":
        raise RolloutRefusedError(plan.release, "take back", "it is stopped")
    return replace(state, phase="stopped", why=f"{event.by}: {event.reason}")


_STEPS: dict[type, Callable[[RolloutState, Any, RolloutPlan], RolloutState]] = {
    ev.PlanSet: _plan_set,
    ev.Started: _started,
    ev.Reported: _reported,
    ev.EpisodeEnded: _episode_ended,
    ev.Halted: _halted,
    ev.Resumed: _resumed,
    ev.TakenBack: _taken_back,
}
