"""A rollout with a memory: its events in a signed journal, the episodes taken from the robots' telemetry."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from physai.infrastructure.contracts import Contract, EpisodeEvent
from physai.infrastructure.errors import MissingFileError

from ..errors import EventLogError, GateFaultError, RolloutRefusedError
from ..gating.journal import Journal
from . import events as ev
from .machine import Phase, RolloutState, desired, step
from .plan import RolloutPlan


class RobotLine(Contract):
    """One robot of a rollout."""

    robot: str
    cohort: str
    desired: str
    reported: str | None
    """None if it was never heard of."""
    episodes: int
    """Counted in the trial of the newest cohort."""


class RolloutStatus(Contract):
    """How far a rollout has come, and what each robot is to run."""

    release: str
    phase: Phase
    cohort: str | None
    """The newest that has the release."""
    episodes: int
    failures: int
    halted: str | None
    why: str
    robots: tuple[RobotLine, ...]
    head: str
    """Hash of the newest record of its journal."""
    commits: tuple[str, ...] = ()
    """What was just committed to the fleet's repository."""


class Rollout:
    """One rollout, in a folder. Several processes may open it."""

    def __init__(self, folder: Path, release: str, plan: RolloutPlan | None = None) -> None:
        """Open a rollout, or begin the one that a plan describes.

        Raises:
            RolloutRefusedError: If there is none and no plan, or its plan is another one.
            GateFaultError: If its journal was damaged.
        """
        self._journal = Journal(folder, release)
        self._plan = plan
        self._begun = False
        self._state = RolloutState()
        with self._journal.turn():
            self._catch_up()
            if not self._begun and plan:
                self._send(ev.PlanSet(at=datetime.now(UTC), plan=plan))
        if self._plan is None:
            raise RolloutRefusedError(release, "open", "there is no such rollout; begin it with a plan")
        if plan and plan != self._plan:
            raise RolloutRefusedError(
                release, "change", "it began with another plan; give the next one another release"
            )
        self.plan = self._plan

    @property
    def state(self) -> RolloutState:
        """As of the last call."""
        return self._state

    def send(self, events: Iterable[ev.Event]) -> RolloutState:
        """Let things happen, each on the disk before the next. What changes nothing is not written."""
        with self._journal.turn():
            self._catch_up()
            for event in events:
                self._send(event)
        return self._state

    def status(self) -> RolloutStatus:
        """For people and for the robots' loaders."""
        state, told, tallies = self._state, dict(self._state.reported), dict(self._state.tallies)
        robots = tuple(
            RobotLine(
                robot=robot,
                cohort=cohort.name,
                desired=desired(state, robot, self.plan) or self.plan.previous,
                reported=told.get(robot),
                episodes=tallies[robot].episodes if robot in tallies else 0,
            )
            for cohort in self.plan.cohorts
            for robot in cohort.robots
        )
        return RolloutStatus(
            release=self.plan.release,
            phase=state.phase,
            cohort=self.plan.cohorts[state.cohort].name if state.cohort >= 0 else None,
            episodes=state.episodes,
            failures=state.failures,
            halted=state.halted,
            why=state.why,
            robots=robots,
            head=self._journal.head.hash,
        )

    def _catch_up(self) -> None:
        for record in self._journal.news():
            try:
                self._take(ev.EVENT.validate_json(json.dumps(record.event)))
            except (ValidationError, RolloutRefusedError) as error:
                raise GateFaultError(self._journal.path, f"holds a step that no rollout takes ({error})") from error

    def _send(self, event: ev.Event) -> None:
        before = self._state
        after = step(before, event, self._plan_of(event))
        if after is before and not isinstance(event, ev.PlanSet):
            return
        result = f"{after.phase}, cohort {after.cohort}, {after.failures} of {after.episodes} episodes failed"
        self._journal.append(event.at, event.model_dump(mode="json"), result)
        self._take(event)

    def _take(self, event: ev.Event) -> None:
        plan = self._plan_of(event)
        if isinstance(event, ev.PlanSet):
            self._plan, self._begun = plan, True
        self._state = step(self._state, event, plan)

    def _plan_of(self, event: ev.Event) -> RolloutPlan:
        plan = event.plan if isinstance(event, ev.PlanSet) else self._plan
        assert plan is not None, "a journal begins with its plan"
        return plan


def read_episodes(paths: Iterable[Path], plan: RolloutPlan) -> list[ev.Event]:
    """What robots told: every production episode, and the release each one ran under.

    Args:
        paths: Logs of episode events, as `robot run` leaves them; an unfinished last line is left for the next time.
        plan: Whose package tells which release ran; each cohort has a release of its own for it.

    Raises:
        MissingFileError: If a file is not there.
        EventLogError: If a line is no episode event.
    """
    found: list[ev.Event] = []
    for path in paths:
        if not path.is_file():
            raise MissingFileError(path, "log of episode events", "Give the events.jsonl of a robot.")
        lines = path.read_bytes().splitlines(keepends=True)
        for number, line in enumerate(lines, 1):
            if not line.endswith(b"\n"):
                break
            try:
                told = EpisodeEvent.model_validate_json(line)
            except ValidationError as error:
                raise EventLogError(path, number, str(error.errors()[0]["msg"])) from error
            data = told.data
            names = {plan.package: plan.release, plan.previous_package: plan.previous}
            release = names.get(data.policy, data.release)
            found.append(ev.Reported(at=told.time, robot=data.robot, release=release))
            found.append(
                ev.EpisodeEnded(
                    at=told.time,
                    robot=data.robot,
                    release=release,
                    episode=data.episode,
                    success=data.success,
                )
            )
    return found
