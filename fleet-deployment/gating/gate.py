"""The gate of one robot: the state machine with a memory. It needs no network, and survives a cut at any moment."""

import getpass
import json
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import ValidationError

from physai.infrastructure.aside import write_whole
from physai.infrastructure.contracts import (
    AuditRecord,
    GateStatus,
    HeldPolicy,
    Release,
    RobotCondition,
    ShadowRun,
    Stage,
)
from physai.infrastructure.contracts import Rate as SuccessRate
from physai.infrastructure.errors import PhysaiError

from ..errors import GateFaultError, RefusedError
from . import events as ev
from .journal import Journal
from .machine import GateState, Policy, blocked, matching, step
from .rules import Evidence, GateRules
from .sequential import Baseline

RETOLD = timedelta(seconds=2)  # how old what was told may be on the disk while nothing changes


class Gate:
    """Decides which policy a robot runs. Every change is on the disk before it counts."""

    def __init__(
        self, folder: Path, robot: str, rules: GateRules | None = None, *, by: str | None = None, reboot: bool = False
    ) -> None:
        """Open a robot's gate.

        Args:
            folder: Where its journal lies.
            robot: Whose gate it is.
            rules: In force from now on; None for those in force already.
            by: Who set the rules; by default the user of this process.
            reboot: Whether this is the process that switches policies, beginning anew: a switch that was cut off is
                taken back.
        """
        self.robot = robot
        self.journal = Journal(folder, robot)
        self._rules = GateRules()
        self._state = GateState()
        self._fault: GateFaultError | None = None
        self._serving = folder / "serving.json"
        self._condition = folder / "condition.json"
        self._shadow = folder / "shadow.json"
        self._remembered: tuple[object, ...] | None = None
        self._threads = threading.RLock()
        candidate = self.state.candidate
        now = datetime.now(UTC)
        if rules and rules != self._rules and self._fault is None:
            self.send(ev.RulesSet(at=now, by=by or getpass.getuser(), rules=rules))
        if reboot and self._fault is None and candidate and candidate.stage == "activating":
            self.send(ev.Rebooted(at=now))

    @property
    def state(self) -> GateState:
        """The present state, with what other processes have decided."""
        with self._threads, self.journal.turn():
            self._catch_up()
            return self._state

    @property
    def rules(self) -> GateRules:
        """The rules in force, those of the journal."""
        return self._rules

    @property
    def serving(self) -> HeldPolicy | None:
        """What the robot runs. It is known even when the journal is damaged."""
        return self.status().active

    @property
    def fault(self) -> GateFaultError | None:
        """Why every change is refused, or None."""
        return self._fault

    def send(self, event: ev.Event) -> GateState:
        """Let something happen.

        Raises:
            RefusedError: If it is out of place.
            GateFaultError: If the journal cannot be trusted.
            JournalFullError: If the disk takes no record. After any of these nothing has changed.
        """
        with self._threads, self.journal.turn():
            self._catch_up()
            if self._fault:
                raise self._fault
            after = step(self._state, event, self._rules)
            self.journal.append(event.at, event.model_dump(mode="json"), describe(self._state, after))
            self._take(event, after)
            return after

    def stage(self, release: Release, success: SuccessRate) -> GateState:
        """Offer a release whose package is on the robot and checked; one that is there already changes nothing.

        Args:
            release: From the fleet's repository.
            success: Of its own evaluation.
        """
        state = self.state
        if any(held and held.release == release.name for held in (state.candidate, state.active, state.last_good)):
            return state
        approval = release.approval
        evidence = Evidence(
            baseline=Baseline(successes=success.successes, episodes=success.episodes),
            fleet_approved_by=approval.by if approval else None,
        )
        return self.send(
            ev.Staged(
                at=datetime.now(UTC),
                release=release.name,
                package=release.package,
                evidence=evidence,
                windows=release.windows,
            )
        )

    def advance(self, condition: RobotCondition, now: datetime | None = None) -> GateState:
        """Do what needs no person: present, approve by a rule, begin the switch once nothing is in its way.

        Whoever calls this carries out the switch when the candidate is then 'activating', and tells how it went.
        """
        at = now or datetime.now(UTC)
        while (event := next_event(self.state, condition, at, self.rules)) is not None:
            try:
                self.send(event)
            except RefusedError:  # someone decided in between; what follows is worked out anew
                if next_event(self.state, condition, at, self.rules) == event:
                    raise
        return self.state

    def waiting_for(self, condition: RobotCondition | None, now: datetime) -> str | None:
        """What the candidate waits for, in words."""
        candidate = self._state.candidate
        if candidate is None or candidate.stage == "activating":
            return None
        if candidate.stage == "staged":
            return "its run in shadow mode" if self.rules.shadow else "the robot to present it"
        if candidate.stage == "awaiting":
            missing = self.rules.approvals - len(candidate.approved_by)
            return f"{missing} approval{'s' if missing > 1 else ''}"
        if condition is None:
            return "the robot's condition"
        began = ev.Began(at=now, release=candidate.release, condition=condition)
        return blocked(self._state, candidate, began, self.rules)

    def status(self, condition: RobotCondition | None = None) -> GateStatus:
        """Everything that a person or a monitor wants to know. With a damaged journal: what served."""
        with self._threads, self.journal.turn():
            self._catch_up()
            return self._faulty_status(self._fault) if self._fault else self._status(condition)

    def _status(self, condition: RobotCondition | None) -> GateStatus:
        state = self._state
        last_good = _held(state.last_good)
        return GateStatus(
            robot=self.robot,
            candidate=_held(state.candidate),
            active=_held(state.active),
            last_good=last_good.model_copy(update={"stage": "superseded"}) if last_good else None,
            halted=state.halted,
            hold=state.hold,
            waiting_for=self.waiting_for(condition, datetime.now(UTC)),
            shadow=self._read_shadow(state.candidate),
            records=self.journal.head.seq + 1,
            head=self.journal.head.hash,
        )

    @property
    def condition(self) -> RobotCondition | None:
        """What the robot was told to be doing last, by whichever process knows; None if nobody told."""
        try:
            return RobotCondition.read(self._condition)
        except PhysaiError:
            return None

    def tell_condition(self, condition: RobotCondition) -> None:
        """Say what the robot is doing, for the page and for processes that do not know it themselves."""
        told = self.condition
        fresh = told is not None and timedelta(0) <= condition.at - told.at < RETOLD
        if not fresh or told != condition.model_copy(update={"at": told.at if told else condition.at}):
            with suppress(OSError):  # a full disk: what was told grows old, and no longer counts
                condition.write(self._condition)

    def tell_shadow(self, run: ShadowRun | None) -> None:
        """Say how the candidate's run in shadow mode goes; it is no decision, and not journalled."""
        with suppress(OSError):
            if run:
                write_whole(self._shadow, run.model_dump_json().encode())
            else:
                self._shadow.unlink(missing_ok=True)

    def _read_shadow(self, candidate: Policy | None) -> ShadowRun | None:
        try:
            run = ShadowRun.model_validate_json(self._shadow.read_bytes())
        except (OSError, ValidationError):
            return None
        lasts = candidate and candidate.stage == "staged" and candidate.shadow is None
        return run if lasts and candidate and candidate.release == run.release else None

    def history(self) -> list[AuditRecord]:
        """Every record of the audit log, checked."""
        return self.journal.records()

    def _faulty_status(self, fault: GateFaultError) -> GateStatus:
        try:
            served: GateStatus | None = GateStatus.read(self._serving)
        except PhysaiError:
            served = None
        return GateStatus(
            robot=self.robot,
            candidate=None,
            active=served.active if served else None,
            last_good=None,
            halted=None,
            hold=served.hold if served else False,
            fault=str(fault),
            records=self.journal.head.seq + 1,
            head=self.journal.head.hash,
        )

    def _catch_up(self) -> None:
        """Take in what is new in the journal."""
        if self._fault:
            return
        try:
            for record in self.journal.news():
                event = ev.EVENT.validate_json(json.dumps(record.event))
                self._take(event, step(self._state, event, self._rules), remember=False)
            self._remember()
        except GateFaultError as fault:
            self._fault = fault
        except (RefusedError, ValidationError) as error:
            self._fault = GateFaultError(self.journal.path, f"holds a step that no gate takes ({error})")

    def _take(self, event: ev.Event, after: GateState, *, remember: bool = True) -> None:
        self._state = after
        if isinstance(event, ev.RulesSet):
            self._rules = event.rules
        if remember:
            self._remember()

    def _remember(self) -> None:
        """Keep what serves in a file of its own, for the day on which the journal cannot be read."""
        active = self._state.active
        key = (active.release, active.package, active.stage, self._state.hold) if active else None
        if key and key != self._remembered:
            with suppress(OSError):  # a full disk: what it says is worked out from the journal again
                self._status(None).write(self._serving)
                self._remembered = key


def next_event(state: GateState, condition: RobotCondition, at: datetime, rules: GateRules) -> ev.Event | None:
    """What happens next without a person, or None."""
    candidate = state.candidate
    if candidate is None:
        return None
    release = candidate.release
    if candidate.stage == "staged" and (rules.shadow is None or candidate.shadow is not None or state.active is None):
        return ev.Presented(at=at, release=release)
    if candidate.stage == "awaiting" and (names := matching(candidate, rules)):
        by, why = f"rule:{names[0]}", "the rule matches the evidence"
        return ev.Approved(at=at, release=release, package=candidate.package, by=by, reason=why, automatic=True)
    began = ev.Began(at=at, release=release, condition=condition)
    return began if candidate.stage == "approved" and blocked(state, candidate, began, rules) is None else None


def describe(before: GateState, after: GateState) -> str:
    """What changed between two states, in one line."""
    stages: dict[str, list[Stage | None]] = {}
    for side, state in enumerate((before, after)):
        for held in (state.last_good, state.active, state.candidate):
            if held:
                stage: Stage = "superseded" if held is state.last_good else held.stage
                stages.setdefault(held.release, [None, None])[side] = stage
    for release in after.barred - before.barred:
        stages[release][1] = "rolled-back" if before.active and before.active.release == release else "rejected"
    moves = [f"{name}: {old or 'new'} -> {new or 'superseded'}" for name, (old, new) in stages.items() if old != new]
    was, now = before.candidate, after.candidate
    if was and now and was.shadow is None and now.shadow:
        moves.append(f"{now.release}: passed in shadow mode")
    if (before.halted is None) != (after.halted is None):
        moves.append("halted" if after.halted else "no longer halted")
    return "; ".join(moves) or "no change of stage"


def _held(policy: Policy | None) -> HeldPolicy | None:
    if policy is None:
        return None
    tally = policy.tally
    return HeldPolicy(
        release=policy.release,
        package=policy.package,
        stage=policy.stage,
        approved_by=policy.approved_by,
        successes=tally.episodes - tally.failures,
        episodes=tally.episodes,
        shadow=policy.shadow,
    )
