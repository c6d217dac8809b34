"""Rollouts across robots: the test's boundaries, each rule by hand, then a hundred thousand random sequences."""

import random
from datetime import UTC, datetime

import numpy as np
import pytest
from pydantic import ValidationError

from physai.fleet_deployment.errors import RolloutRefusedError
from physai.fleet_deployment.gating.sequential import Baseline, TrialRules, boundaries
from physai.fleet_deployment.rollout import events as ev
from physai.fleet_deployment.rollout.machine import RolloutState, desired, step
from physai.fleet_deployment.rollout.plan import Cohort, RolloutPlan
from physai.fleet_deployment.rollout.simulate import Scenario, simulate

NOW = datetime(2026, 6, 3, 12, tzinfo=UTC)
BASELINE = Baseline(successes=450, episodes=500)
COHORTS = (
    Cohort(name="pilot", robots=("p1", "p2"), min_robots=2),
    Cohort(name="hall", robots=("h1", "h2", "h3")),
    Cohort(name="site", robots=("s1", "s2", "s3", "s4")),
)
ROBOTS = [robot for cohort in COHORTS for robot in cohort.robots]


def plan(trial: TrialRules | None = None) -> RolloutPlan:
    return RolloutPlan(
        release="new",
        package="sha256:" + "b" * 64,
        previous="old",
        previous_package="sha256:" + "a" * 64,
        baseline=BASELINE,
        trial=trial or TrialRules(),
        cohorts=COHORTS,
    )


PLAN = plan()


def ended(robot: str, episode: int, success: bool = True, release: str = "new") -> ev.EpisodeEnded:
    return ev.EpisodeEnded(at=NOW, robot=robot, release=release, episode=episode, success=success)


def after(*events: ev.Event, start: RolloutState | None = None) -> RolloutState:
    state = start or RolloutState()
    for event in events:
        state = step(state, event, PLAN)
    return state


def started() -> RolloutState:
    return after(ev.Started(at=NOW, by="anna"))


def test_the_ratio_of_a_huge_baseline_is_walds() -> None:
    # Known 0.9 against 0.7: a failure weighs ln(0.3/0.1) = 1.0986, a success ln(0.7/0.9) = -0.2513; 4.605 stops.
    # 5 failures at once give 5.49, 4 only 4.39. 37 successes pass: 36 * -0.2513 = -9.05, 37 * -0.2513 = -9.30, and
    # ln(1e-4) = -9.21.
    known = boundaries(Baseline(successes=900_000, episodes=1_000_000), TrialRules())
    assert [known.verdict(4, 4), known.verdict(5, 5)] == ["continue", "stop"]
    assert [known.verdict(36, 0), known.verdict(37, 0)] == ["continue", "pass"]


def test_a_small_baseline_takes_more_to_contradict() -> None:
    large, small = (boundaries(Baseline(successes=9 * n, episodes=10 * n), TrialRules()) for n in (100_000, 10))
    assert (small.stop[1:] >= large.stop[1:]).all()
    assert (small.ok[1:] <= large.ok[1:]).all()
    assert small.stop[200] > large.stop[200]


def test_boundaries_are_exact_counts_of_a_direct_sum() -> None:
    rules = TrialRules(max_episodes=60)
    got = boundaries(Baseline(successes=45, episodes=50), rules)
    rate = (np.arange(20_000) + 0.5) / 20_000  # a finer grid, summed plainly
    weight = rate**45 * (1 - rate) ** 5
    dropped = np.maximum(rate - rules.drop, 1e-4)
    for episodes in (1, 7, 20, 41, 60):
        ratios = [
            (weight * dropped ** (episodes - f) * (1 - dropped) ** f).sum()
            / (weight * rate ** (episodes - f) * (1 - rate) ** f).sum()
            for f in range(episodes + 1)
        ]
        stop = next((f for f, ratio in enumerate(ratios) if ratio >= 100), episodes + 1)
        assert got.stop[episodes] == stop
        assert got.ok[episodes] == max((f for f, ratio in enumerate(ratios) if ratio <= 1e-4), default=-1)


def test_the_cohorts_share_the_chance_of_a_false_stop() -> None:
    shares = [PLAN.rules_of(cohort).false_stop for cohort in range(3)]
    assert shares == pytest.approx([0.009, 0.0005, 0.0005])


def test_cohorts_follow_one_another_on_evidence() -> None:
    state = started()
    assert [desired(state, robot, PLAN) for robot in ("p1", "h1", "s1", "x")] == ["new", "old", "old", None]
    for episode in range(40):
        state = after(ended("p1", episode), ended("p2", episode), start=state)
    assert (state.phase, state.cohort) == ("rolling", 1)
    assert [desired(state, robot, PLAN) for robot in ("p1", "h1", "s1")] == ["new", "new", "old"]
    for robot in ("h1", "s1"):
        for episode in range(80):
            state = step(state, ended(robot, episode), PLAN)
    assert (state.phase, desired(state, "s4", PLAN)) == ("done", "new")


def test_one_robot_alone_does_not_speak_for_a_cohort_of_two() -> None:
    state = after(*(ended("p1", episode) for episode in range(80)), start=started())
    assert state.cohort == 0


def test_a_bad_policy_is_taken_back_from_every_robot() -> None:
    state = after(*(ended("p1", episode, success=False) for episode in range(6)), start=started())
    assert state.phase == "stopped"
    assert "failed in cohort 'pilot'" in state.why
    assert {desired(state, robot, PLAN) for robot in ROBOTS} == {"old"}
    with pytest.raises(RolloutRefusedError, match="it is stopped"):
        step(state, ev.Started(at=NOW, by="anna"), PLAN)


def test_episodes_of_others_and_told_twice_do_not_count() -> None:
    state = after(ended("p1", 3, success=False), start=started())
    again = after(ended("p1", 3), ended("h1", 0), ended("p2", 0, release="old"), ended("x", 0), start=state)
    assert again == state
    assert (again.episodes, again.failures) == (1, 1)


def test_a_halt_lets_no_further_cohort_begin_until_it_ends() -> None:
    state = after(ev.Halted(at=NOW, by="anna", reason="audit"), start=started())
    for episode in range(40):
        state = after(ended("p1", episode), ended("p2", episode), start=state)
    assert state.cohort == 0
    assert after(ended("p1", 40), start=state).cohort == 0
    assert step(state, ev.Resumed(at=NOW, by="anna"), PLAN).cohort == 1


def test_a_robot_cannot_be_in_two_cohorts() -> None:
    with pytest.raises(ValidationError, match="robots in two places: p1"):
        RolloutPlan.model_validate(PLAN.model_dump() | {"cohorts": (*COHORTS, Cohort(name="z", robots=("p1",)))})


def test_simulated_rollouts_stop_a_bad_policy_early_and_a_good_one_seldom() -> None:
    bad = simulate(Scenario(evaluated=0.9, production=0.7, baseline_episodes=500), 300, seed=1)
    good = simulate(Scenario(evaluated=0.9, production=0.9, baseline_episodes=500), 300, seed=1)
    assert bad.past_first == 0
    assert bad.median_to_stop is not None
    assert 20 <= bad.median_to_stop <= 35  # the exact median is 29; of 300, three standard errors are about 5
    assert good.stopped <= 9  # 1 % of 300 is 3; 10 or more would have a chance below 0.002


QUICK = plan(TrialRules(false_stop=0.2, miss=0.3))


def pool() -> list[ev.Event]:
    events: list[ev.Event] = [
        ended(robot, episode, success=episode % 4 > 0, release=release)
        for robot in ROBOTS
        for episode in range(8)
        for release in ("new", "new", "old")
    ]
    events += [ev.Reported(at=NOW, robot=robot, release=name) for robot in (*ROBOTS, "x") for name in ("new", "old")]
    people: list[ev.Event] = [ev.Halted(at=NOW, by="anna", reason="r"), ev.Resumed(at=NOW, by="ben")]
    return [*events, *people * 3, ev.Started(at=NOW, by="anna"), ev.TakenBack(at=NOW, by="ben", reason="r")]


class Fleet:
    """Robots that hear of the desired release only when they are in reach, and run what they heard of last."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.runs = dict.fromkeys(ROBOTS, "old")
        self.cut_off: set[str] = set()

    def poll(self, state: RolloutState) -> None:
        robot = self.rng.choice(ROBOTS)
        if self.rng.random() < 0.1:
            self.cut_off ^= {robot}
        if robot not in self.cut_off:
            self.runs[robot] = desired(state, robot, QUICK) or "old"

    def check(self, state: RolloutState) -> None:
        assert all(self.runs.values()), "a robot without a policy"
        reached = {robot for index, cohort in enumerate(COHORTS) if index <= state.cohort for robot in cohort.robots}
        for robot, release in self.runs.items():
            assert release == "old" or robot in reached, "the release went past its cohort"


def check_step(before: RolloutState, event: ev.Event, state: RolloutState) -> None:
    assert (before.phase, state.phase) in {
        ("pending", "pending"), ("pending", "rolling"), ("pending", "stopped"), ("rolling", "rolling"),
        ("rolling", "done"), ("rolling", "stopped"), ("done", "done"), ("done", "stopped"), ("stopped", "stopped"),
    }  # fmt: skip
    assert state.cohort in (before.cohort, before.cohort + 1)
    if state.cohort > before.cohort >= 0:
        assert isinstance(event, ev.EpisodeEnded | ev.Resumed)
        assert before.halted is None or isinstance(event, ev.Resumed)
        assert state.phase == "rolling"
    if state.phase == "stopped":
        assert {desired(state, robot, QUICK) for robot in ROBOTS} == {"old"}


def play(sequences: int, seed: int) -> dict[str, int]:
    rng, events = random.Random(seed), pool()
    ends: dict[str, int] = {}
    for number in range(sequences):
        state, fleet = RolloutState(), Fleet(rng)
        chosen = rng.choices(events, k=12 if number % 10 else 90)
        if number % 5:
            chosen.insert(0, ev.Started(at=NOW, by="anna"))
        chosen += rng.choices(chosen, k=3)  # told twice, and late
        for event in chosen:
            try:
                following = step(state, event, QUICK)
            except RolloutRefusedError:
                continue
            if rng.random() < 0.02:  # the record was cut by a loss of power: it never happened, and is told again
                following = state
            check_step(state, event, following)
            state = following
            fleet.poll(state)
            fleet.check(state)
        fleet.cut_off.clear()
        fleet.runs = {robot: desired(state, robot, QUICK) or "old" for robot in ROBOTS}  # the partition ends
        fleet.check(state)
        ends[state.phase] = ends.get(state.phase, 0) + 1
    return ends


def test_a_hundred_thousand_random_sequences_meet_no_illegal_state() -> None:
    ends = play(100_000, seed=8)
    assert set(ends) == {"pending", "rolling", "done", "stopped"}, ends
