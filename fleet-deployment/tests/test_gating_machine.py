"""The gate's state machine: each rule by hand, then a hundred thousand random sequences of events."""

import random
from datetime import timedelta

import pytest

from physai.fleet_deployment.errors import RefusedError
from physai.fleet_deployment.gating import events as ev
from physai.fleet_deployment.gating.machine import GateState, step
from physai.fleet_deployment.gating.rules import AutoApproval, ConditionRules, Evidence, GateRules, ShadowBounds
from physai.fleet_deployment.gating.sequential import Baseline, TrialRules
from physai.fleet_deployment.tests.gate_events import NOW, approved, began, outcomes, package_of, staged, way_in
from physai.infrastructure.contracts import Window

RULES = GateRules()


def after(*events: ev.Event, rules: GateRules = RULES, start: GateState | None = None) -> GateState:
    state = start or GateState()
    for event in events:
        state = step(state, event, rules)
    return state


def test_a_release_goes_from_staged_to_active_and_keeps_the_way_back() -> None:
    first = after(*way_in("a"))
    assert first.active is not None
    assert (first.active.release, first.active.stage, first.last_good) == ("a", "active", None)
    second = after(*way_in("b"), start=first)
    assert second.active is not None
    assert second.last_good is not None
    assert (second.active.release, second.last_good.release) == ("b", "a")
    assert second.packages == {package_of("a"), package_of("b")}


def test_an_unproven_policy_never_becomes_the_way_back_past_a_proven_one() -> None:
    confirmed = after(*way_in("a"), ev.Confirmed(at=NOW, release="a", by="anna", reason="watched it"))
    third = after(*way_in("b"), *way_in("c"), start=confirmed)
    assert third.last_good is not None
    assert third.last_good.release == "a"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"mid_episode": True}, "an episode is running"),
        ({"e_stop": True}, "the emergency stop is engaged"),
        ({"idle": False}, "the robot is not idle"),
        ({"docked": None}, "the robot is not docked"),
        ({"battery": None}, "the battery is below 30%"),
        ({"battery": 0.29}, "the battery is below 30%"),
        ({"operator_present": False}, "no operator is present"),
        ({"clock_synced": False}, "the clock is not synchronised"),
    ],
)
def test_the_robot_must_be_in_the_condition_that_the_rules_ask_for(changes: dict[str, object], why: str) -> None:
    need = ConditionRules(docked=True, min_battery=0.3, operator_present=True, clock_synced=True)
    rules = GateRules(condition=need)
    fine = {"docked": True, "battery": 0.3, "operator_present": True, "clock_synced": True}
    ready = after(*way_in("a")[:3], rules=rules)
    with pytest.raises(RefusedError, match=why):
        step(ready, began("a", **{**fine, **changes}), rules)
    assert step(ready, began("a", **fine), rules).candidate.stage == "activating"  # type: ignore[union-attr]


def test_an_old_or_future_condition_does_not_count() -> None:
    ready = after(*way_in("a")[:3])
    for age_s in (-1, 11):
        event = ev.Began(at=NOW, release="a", condition=began("a", at=NOW - timedelta(seconds=age_s)).condition)
        with pytest.raises(RefusedError, match="not fresh"):
            step(ready, event, RULES)


def test_a_clock_that_jumped_asks_for_approval_again() -> None:
    ready = after(*way_in("a")[:3])
    for jump, why in ((timedelta(seconds=-1), "stands before its approval"), (timedelta(days=8), "older than 168 h")):
        with pytest.raises(RefusedError, match=why):
            step(ready, began("a", at=NOW + jump), RULES)
        renewed = step(ready, approved("a", at=NOW + jump), RULES)
        assert step(renewed, began("a", at=NOW + jump), RULES).candidate.stage == "activating"  # type: ignore[union-attr]


def test_nothing_is_activated_outside_of_the_windows_or_in_a_halt() -> None:
    night = GateRules(
        windows=(Window.model_validate({"start": "22:00", "end": "05:00", "time_zone": "Europe/Berlin"}),)
    )
    ready = after(*way_in("a")[:3], rules=night)
    with pytest.raises(RefusedError, match=r"no window is open; the next one opens \w+ \S+ 22:00 Europe/Berlin"):
        step(ready, began("a"), night)
    of_release = ev.Staged(**{**dict(way_in("a")[0]), "windows": night.windows})
    with pytest.raises(RefusedError, match="no window is open"):
        step(after(of_release, *way_in("a")[1:3]), began("a"), RULES)
    halted = after(ev.Halted(at=NOW, by="anna", reason="audit"), start=after(*way_in("a")[:3]))
    with pytest.raises(RefusedError, match=r"halted \(anna: audit\)"):
        step(halted, began("a"), RULES)
    resumed = after(ev.Resumed(at=NOW, by="anna", reason="done"), began("a"), start=halted)
    assert resumed.candidate is not None


def test_two_approvals_are_of_two_persons_and_of_the_package_they_saw() -> None:
    rules = GateRules(approvals=2)
    one = after(*way_in("a")[:3], rules=rules)
    again = step(one, approved("a"), rules)
    assert again.candidate is not None
    assert again.candidate.stage == "awaiting"
    assert step(again, approved("a", by="ben"), rules).candidate.stage == "approved"  # type: ignore[union-attr]
    other = ev.Approved(at=NOW, release="a", package=package_of("z"), by="ben", reason="r")
    with pytest.raises(RefusedError, match="it is package"):
        step(one, other, rules)


def test_a_rule_approves_only_what_it_describes() -> None:
    rule = AutoApproval(name="strong", min_success=0.9, min_episodes=500, fleet_approved_by=("gate",))
    rules = GateRules(automatic=(rule,))
    event = approved("a", by="rule:strong").model_copy(update={"automatic": True})
    for successes, by, passes in ((450, "gate", True), (449, "gate", False), (450, "ben", False), (450, None, False)):
        evidence = Evidence(baseline=Baseline(successes=successes, episodes=500), fleet_approved_by=by)
        waiting = after(staged("a", evidence=evidence), ev.Presented(at=NOW, release="a"), rules=rules)
        if passes:
            assert step(waiting, event, rules).candidate.stage == "approved"  # type: ignore[union-attr]
        else:
            with pytest.raises(RefusedError, match="no rule"):
                step(waiting, event, rules)
    with pytest.raises(RefusedError, match="not of a person"):
        step(waiting, approved("a", by="rule:strong"), rules)


def test_with_shadow_rules_a_candidate_is_compared_before_anyone_is_asked() -> None:
    rules = GateRules(shadow=ShadowBounds(max_rms=0.1, max_abs=0.2))
    running = after(*way_in("a"))
    new = after(staged("b"), start=running, rules=rules)
    with pytest.raises(RefusedError, match="shadow"):
        step(new, ev.Presented(at=NOW, release="b"), rules)
    far = after(ev.ShadowJudged(at=NOW, release="b", passed=False, why="too far"), start=new, rules=rules)
    assert far.candidate is None
    assert "b" in far.barred
    near = ev.ShadowJudged(at=NOW, release="b", passed=True, why="near")
    assert after(near, ev.Presented(at=NOW, release="b"), start=new, rules=rules).candidate is not None


def test_production_confirms_a_good_policy_and_sends_a_bad_one_back() -> None:
    running = after(*way_in("a"), ev.Confirmed(at=NOW, release="a", by="anna", reason="r"), *way_in("b"))
    good = running
    for event in outcomes("b", 0, 60):
        assert good.active is not None
        if good.active.stage == "confirmed":
            break
        good = step(good, event, RULES)
    assert good.active is not None
    assert (good.active.release, good.active.stage) == ("b", "confirmed")
    bad = after(*outcomes("b", 4, 4), start=running)  # posterior odds of four failures in a row: about 3^4 = 81 < 100
    assert bad.active is not None
    assert bad.active.release == "b"
    worse = after(*outcomes("b", 5, 5)[4:], start=bad)  # and 3^5 = 243 > 100
    assert worse.active is not None
    assert (worse.active.release, worse.last_good) == ("a", None)
    with pytest.raises(RefusedError, match="never comes back"):
        step(worse, staged("b"), RULES)


def test_a_bad_first_policy_stays_but_may_not_begin_an_episode() -> None:
    bad = after(*way_in("a"), ev.RolledBack(at=NOW, release="a", by="anna", reason="hits the table"))
    assert bad.active is not None
    assert (bad.active.release, bad.active.stage, bad.hold) == ("a", "rolled-back", True)
    mended = after(*way_in("b"), start=bad)
    assert (mended.hold, mended.last_good) == (False, None)


def test_an_episode_told_twice_counts_once() -> None:
    state = after(*way_in("a"), *outcomes("a", 1, 1))
    with pytest.raises(RefusedError, match="counted already"):
        step(state, outcomes("a", 1, 1)[0], RULES)


def test_a_switch_that_was_cut_off_has_not_happened() -> None:
    state = after(*way_in("a"), *way_in("b")[:4], ev.Rebooted(at=NOW))
    assert state.active is not None
    assert state.candidate is not None
    assert (state.active.release, state.candidate.stage) == ("a", "approved")


RELEASES = ("a", "b", "c")
JUMPS = [timedelta(0), timedelta(hours=1), timedelta(hours=-3), timedelta(days=9)]
RANDOM_RULES = (
    GateRules(trial=TrialRules(false_stop=0.2, miss=0.2)),
    GateRules(
        approvals=2,
        shadow=ShadowBounds(max_rms=0.1, max_abs=0.2),
        windows=(Window.model_validate({"start": "10:00", "end": "14:00", "time_zone": "UTC"}),),
        condition=ConditionRules(docked=True),
        trial=TrialRules(false_stop=0.2, miss=0.2),
    ),
)


def pool() -> list[ev.Event]:
    """Every kind of event for every release, at several times of a jumping clock; illegal ones included."""
    events: list[ev.Event] = []
    for jump in JUMPS:
        at = NOW + jump
        for release in RELEASES:
            events += [*way_in(release, at) * 3, approved(release, by="ben", at=at), approved(release, by="cem", at=at)]
            events += [began(release, at, docked=True)] * 2
            events += [began(release, at, e_stop=True), began(release, at, mid_episode=True, docked=True)]
            events += [
                ev.ShadowJudged(at=at, release=release, passed=passed, why="w") for passed in (True, True, False)
            ]
            events += [
                ev.Outcome(at=at, release=release, episode=episode, success=episode % 3 > 0) for episode in range(6)
            ]
            events += [
                kind(at=at, release=release, by=by, reason="r")
                for kind in (ev.Rejected, ev.RolledBack, ev.Confirmed)
                for by in ("anna",)
            ]
            events.append(ev.Failed(at=at, release=release, reason="r"))
        events += [ev.Halted(at=at, by="anna", reason="r"), ev.Resumed(at=at, by="ben", reason="r")] * 2
        events += [ev.Rebooted(at=at)] * 3
    return events


ALLOWED = {  # stage of a release before -> after, None being off the robot
    (None, "staged"), ("staged", "awaiting"), ("awaiting", "approved"), ("approved", "activating"),
    ("activating", "approved"), ("activating", "active"), ("active", "confirmed"), ("active", "rolled-back"),
    ("confirmed", "rolled-back"), ("staged", None), ("awaiting", None), ("approved", None), ("activating", None),
    ("active", None), ("confirmed", None), ("rolled-back", None),
}  # fmt: skip


def stages(state: GateState) -> dict[str, str]:
    held = (state.last_good, state.candidate, state.active)
    return {policy.release: policy.stage for policy in held if policy}


class Witness:
    """What really happened, told apart from the machine's own account."""

    def __init__(self, rules: GateRules) -> None:
        self.rules = rules
        self.approvers: dict[str, set[str]] = {}
        self.served: set[str] = set()
        self.refused = 0

    def check(self, before: GateState, event: ev.Event, state: GateState) -> None:
        was, now = stages(before), stages(state)
        for release in was.keys() | now.keys():
            move = (was.get(release), now.get(release))
            assert move[0] == move[1] or move in ALLOWED, (event, move)
        if isinstance(event, ev.Staged):
            self.approvers[event.release] = set()
        if isinstance(event, ev.Approved):
            self.approvers[event.release].add(event.by)
        if isinstance(event, ev.Began):
            assert len(self.approvers[event.release]) >= self.rules.approvals, "activated without approval"
            assert not event.condition.e_stop
            assert not event.condition.mid_episode
            assert before.halted is None
            assert all(window.is_open(event.at) for window in self.rules.windows)
        if before.active is not None:
            assert state.active is not None, "a robot without a policy"
        if before.active != state.active and state.active is not None:
            if isinstance(event, ev.Activated):
                self.served.add(state.active.release)
            assert state.active.release in self.served
        assert state.last_good is None or state.last_good.release in self.served
        serving = state.active
        assert state.hold == (serving is not None and serving.release in state.barred)


def play(sequences: int, seed: int) -> tuple[int, int, set[tuple[str, str]]]:
    rng = random.Random(seed)
    events = pool()
    taken = refused = 0
    reached: set[tuple[str, str]] = set()
    for number in range(sequences):
        rules = RANDOM_RULES[number % 2]
        witness, state = Witness(rules), GateState()
        durable = state
        chosen = rng.choices(events, k=12)
        if number % 4:  # a way in to start from, so that deep states are met often
            chosen[:0] = [*way_in("a"), *(way_in("b") if number % 4 > 1 else ())]
        if number % 3 == 0:
            chosen += rng.choices(chosen, k=4)  # told twice, and late
        for event in chosen:
            try:
                after_event = step(state, event, rules)
            except RefusedError:
                refused += 1
                continue
            if rng.random() < 0.02:  # power is cut before the record is whole: it never happened
                state = step(durable, ev.Rebooted(at=NOW), rules)
                durable = state
                continue
            witness.check(state, event, after_event)
            state = durable = after_event
            taken += 1
        reached.update(stages(state).items())
    return taken, refused, reached


def test_a_hundred_thousand_random_sequences_meet_no_illegal_state() -> None:
    taken, refused, reached = play(100_000, seed=8)
    assert taken > 400_000
    assert refused > 400_000
    assert {stage for _, stage in reached} >= {
        "staged", "awaiting", "approved", "activating", "active", "confirmed", "rolled-back",
    }  # fmt: skip
