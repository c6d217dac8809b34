"""The policies of one robot, as a state machine: a candidate on its way in, the one in use, the one before it.

    candidate:  none ── stage ──▶ staged ── verify ──▶ verified ── approve ──▶ approved
                  ▲                 │ refuse              │ refuse               │ activate (never mid-episode)
                  └─────────────────┴─────────────────────┘                      ▼
    active:     none ◀── withdraw ──────────────────────────────────────────── active ◀── start / stop ──▶ running

A refused candidate never touches the active policy; a reboot keeps the active policy and asks for verification again.
"""

from dataclasses import dataclass, replace
from typing import Literal, Self

from physai.infrastructure.contracts import Digest

from ..errors import TransitionError

type Phase = Literal["none", "staged", "verified", "approved"]


@dataclass(frozen=True)
class Slots:
    """What a robot holds. Every step returns the next state, or raises `TransitionError` and changes nothing."""

    candidate: Digest | None = None
    phase: Phase = "none"
    active: Digest | None = None
    running: bool = False
    last_good: Digest | None = None
    """Active before the present one."""

    def stage(self, package: Digest) -> Self:
        """Bytes have arrived; allowed at any time, since nothing runs them yet."""
        return replace(self, candidate=package, phase="staged")

    def verify(self) -> Self:
        """Digests, golden vectors and the contract against this robot have been checked."""
        self._require("verify", "staged")
        return replace(self, phase="verified")

    def approve(self) -> Self:
        """The fleet's repository holds an approved release of the candidate."""
        self._require("approve", "verified")
        return replace(self, phase="approved")

    def refuse(self) -> Self:
        """The candidate failed a check; the active policy stays."""
        if self.candidate is None:
            raise TransitionError("refuse", "there is no candidate")
        return replace(self, candidate=None, phase="none")

    def activate(self) -> Self:
        """The candidate takes over, between episodes."""
        self._require("activate", "approved")
        if self.running:
            raise TransitionError("activate", "an episode is running")
        last_good = self.last_good if self.candidate == self.active else self.active
        return replace(self, candidate=None, phase="none", active=self.candidate, last_good=last_good)

    def start(self) -> Self:
        """Episodes begin."""
        if self.active is None or self.running:
            raise TransitionError("start", "it is running" if self.running else "no policy is active")
        return replace(self, running=True)

    def stop(self) -> Self:
        """Episodes have ended."""
        if not self.running:
            raise TransitionError("stop", "it is not running")
        return replace(self, running=False)

    def withdraw(self, package: Digest) -> Self:
        """A release was taken back: drop it wherever it is, and return to the policy before it."""
        slots = self.refuse() if self.candidate == package else self
        if slots.last_good == package:
            slots = replace(slots, last_good=None)
        if slots.active != package:
            return slots
        if slots.running:
            raise TransitionError("withdraw", "an episode is running")
        return replace(slots, active=slots.last_good, last_good=None)

    def reboot(self) -> Self:
        """Power was cut: nothing runs, and what was checked is checked again."""
        return replace(self, running=False, phase="staged" if self.candidate else "none")

    def _require(self, step: str, phase: Phase) -> None:
        if self.phase != phase:
            raise TransitionError(step, f"the candidate is '{self.phase}', not '{phase}'")
