"""The state machine of a robot's policies, under any order of events."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from physai.fleet_deployment.errors import TransitionError
from physai.fleet_deployment.gating.slots import Slots

A, B, C = ("sha256:" + letter * 64 for letter in "abc")
packages = st.sampled_from([A, B, C])


def activated(package: str, before: Slots | None = None) -> Slots:
    return (before or Slots()).stage(package).verify().approve().activate()


def test_a_package_goes_from_staged_to_active() -> None:
    assert activated(A) == Slots(active=A)
    assert activated(B, activated(A)) == Slots(active=B, last_good=A)


@pytest.mark.parametrize(
    ("slots", "step"),
    [
        (Slots(), "activate"),
        (Slots(), "verify"),
        (Slots(), "refuse"),
        (Slots(), "start"),
        (Slots(), "stop"),
        (Slots().stage(A), "approve"),
        (Slots().stage(A), "activate"),
        (Slots().stage(A).verify(), "activate"),
        (Slots().stage(A).verify().approve(), "verify"),
        (activated(A).start().stage(B).verify().approve(), "activate"),
        (activated(A).start(), "start"),
        (Slots().stage(A).verify().approve().reboot(), "activate"),
    ],
)
def test_a_step_out_of_order_is_refused(slots: Slots, step: str) -> None:
    with pytest.raises(TransitionError, match=f"cannot {step}"):
        getattr(slots, step)()


def test_a_refused_candidate_leaves_the_active_policy() -> None:
    assert activated(A).stage(B).refuse() == activated(A)
    assert activated(A).stage(B).verify().refuse() == activated(A)


def test_a_withdrawn_policy_gives_way_to_the_one_before_it() -> None:
    assert activated(B, activated(A)).withdraw(B) == Slots(active=A)
    assert activated(A).withdraw(A) == Slots()
    assert activated(B, activated(A)).withdraw(A) == Slots(active=B)
    assert activated(A).stage(B).withdraw(B) == activated(A)
    with pytest.raises(TransitionError, match="an episode is running"):
        activated(A).start().withdraw(A)


def test_activating_what_is_active_keeps_the_way_back() -> None:
    assert activated(B, activated(B, activated(A))).last_good == A


class AnyOrder(RuleBasedStateMachine):
    """Every event at any time; what the robot may run is told apart by what was really checked."""

    def __init__(self) -> None:
        super().__init__()
        self.slots = Slots()
        self.verified: set[str] = set()  # since it was staged, and since the last reboot
        self.approved: set[str] = set()
        self.proven: set[str] = set()  # went through both before it became active

    def attempt(self, step: str, *arguments: str) -> bool:
        """Take a step if it is legal; an illegal one must change nothing."""
        before = self.slots
        try:
            self.slots = getattr(self.slots, step)(*arguments)
        except TransitionError:
            assert self.slots is before
            return False
        return True

    @rule(package=packages)
    def stage(self, package: str) -> None:
        assert self.attempt("stage", package)
        self.verified.discard(package)
        self.approved.discard(package)

    @rule()
    def verify(self) -> None:
        if self.attempt("verify"):
            assert self.slots.candidate is not None
            self.verified.add(self.slots.candidate)

    @rule()
    def approve(self) -> None:
        candidate = self.slots.candidate
        if self.attempt("approve"):
            assert candidate in self.verified
            self.approved.add(candidate or "")

    @rule()
    def refuse(self) -> None:
        active = self.slots.active
        self.attempt("refuse")
        assert self.slots.active == active

    @rule()
    def activate(self) -> None:
        candidate, running = self.slots.candidate, self.slots.running
        if self.attempt("activate"):
            assert not running
            assert candidate in self.verified & self.approved
            assert self.slots.active == candidate
            self.proven.add(candidate or "")

    @rule()
    def start(self) -> None:
        self.attempt("start")

    @rule()
    def stop(self) -> None:
        self.attempt("stop")

    @rule(package=packages)
    def withdraw(self, package: str) -> None:
        if self.attempt("withdraw", package):
            assert package not in (self.slots.active, self.slots.candidate, self.slots.last_good)

    @precondition(lambda self: self.slots.candidate)
    @rule()
    def reboot(self) -> None:
        active = self.slots.active
        self.slots = self.slots.reboot()
        self.verified.clear()
        self.approved.clear()
        assert self.slots.active == active
        assert not self.attempt("activate")

    @invariant()
    def only_proven_policies_are_active(self) -> None:
        assert self.slots.active is None or self.slots.active in self.proven
        assert self.slots.last_good is None or self.slots.last_good in self.proven

    @invariant()
    def nothing_runs_without_a_policy(self) -> None:
        assert self.slots.active is not None or not self.slots.running

    @invariant()
    def a_phase_belongs_to_a_candidate(self) -> None:
        assert (self.slots.candidate is None) == (self.slots.phase == "none")


AnyOrder.TestCase.settings = settings(max_examples=200, stateful_step_count=60, deadline=None)
TestAnyOrder = AnyOrder.TestCase


@given(st.lists(st.sampled_from(["verify", "approve", "activate", "refuse", "start", "stop", "reboot"]), max_size=30))
def test_without_a_staged_package_nothing_ever_becomes_active(steps: list[str]) -> None:
    slots = Slots()
    for step in steps:
        try:
            slots = getattr(slots, step)()
        except TransitionError:
            continue
    assert slots == Slots()
