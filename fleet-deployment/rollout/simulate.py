"""Many rollouts played through the machine, to know before the first robot how often it stops what, and how fast."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import numpy as np
from pydantic import Field

from physai.infrastructure.contracts import Contract

from ..gating.sequential import Baseline, TrialRules
from . import events as ev
from .machine import RolloutState, step
from .plan import Cohort, RolloutPlan

type Track = Callable[[Iterable[int]], Iterable[int]]

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class Scenario(Contract):
    """What is played."""

    evaluated: float = Field(ge=0, le=1)
    """Success rate in the evaluation, whose counts are drawn anew for each rollout."""
    production: float = Field(ge=0, le=1)
    """Success rate on the robots."""
    baseline_episodes: int = Field(ge=1)
    cohorts: tuple[int, ...] = (2, 4, 8)
    """Robots in each."""
    trial: TrialRules = TrialRules()


class Operating(Contract):
    """What came of many rollouts."""

    rollouts: int
    stopped: int
    done: int
    undecided: int
    """Neither, after the trial's most episodes."""
    past_first: int
    """Rollouts in which a second cohort got the release."""
    median_to_stop: float | None
    """Episodes of all robots until the stop; None if nothing was stopped."""
    p90_to_stop: float | None
    median_to_done: float | None


def simulate(scenario: Scenario, rollouts: int, seed: int, track: Track = lambda items: items) -> Operating:
    """Play rollouts; the same seed gives the same ones."""
    rng = np.random.default_rng(seed)
    ends: list[tuple[RolloutState, int]] = []
    for _ in track(range(rollouts)):
        successes = int(rng.binomial(scenario.baseline_episodes, scenario.evaluated))
        plan = plan_for(scenario, Baseline(successes=successes, episodes=scenario.baseline_episodes))
        ends.append(_play(plan, scenario, rng))
    stops = [episodes for state, episodes in ends if state.phase == "stopped"]
    dones = [episodes for state, episodes in ends if state.phase == "done"]
    return Operating(
        rollouts=rollouts,
        stopped=len(stops),
        done=len(dones),
        undecided=rollouts - len(stops) - len(dones),
        past_first=sum(state.cohort > 0 for state, _ in ends),
        median_to_stop=float(np.median(stops)) if stops else None,
        p90_to_stop=float(np.percentile(stops, 90)) if stops else None,
        median_to_done=float(np.median(dones)) if dones else None,
    )


def plan_for(scenario: Scenario, baseline: Baseline) -> RolloutPlan:
    """A plan with made-up robots."""
    cohorts = tuple(
        Cohort(name=f"cohort-{index}", robots=tuple(f"robot-{index}-{robot}" for robot in range(size)))
        for index, size in enumerate(scenario.cohorts)
    )
    return RolloutPlan(
        release="new",
        package="sha256:" + "b" * 64,
        previous="old",
        previous_package="sha256:" + "a" * 64,
        baseline=baseline,
        trial=scenario.trial,
        cohorts=cohorts,
    )


def _play(plan: RolloutPlan, scenario: Scenario, rng: np.random.Generator) -> tuple[RolloutState, int]:
    state = step(RolloutState(), ev.Started(at=EPOCH, by="simulation"), plan)
    episodes = 0
    while state.phase == "rolling" and state.episodes < scenario.trial.max_episodes:
        robots = plan.cohorts[state.cohort].robots
        successes = rng.random(64) < scenario.production
        cohort, start = state.cohort, state.episodes
        for within, success in enumerate(successes, start):  # robots of the cohort take turns
            event = ev.EpisodeEnded(
                at=EPOCH,
                robot=robots[within % len(robots)],
                release=plan.release,
                episode=within // len(robots),
                success=bool(success),
            )
            state = step(state, event, plan)
            episodes += 1
            if state.phase != "rolling" or state.cohort != cohort or state.episodes >= scenario.trial.max_episodes:
                break
    return state, episodes
