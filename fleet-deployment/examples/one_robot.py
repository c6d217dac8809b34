"""One robot at work, and a second release that comes in meanwhile: shadow mode, an operator's word, a swap, a trial.

    uv run python -m physai.fleet_deployment.examples.one_robot out/one-robot

Real: the step loop at 30 Hz with its watchdog, the hot-loader, the gate with its audit log, Git, the registry. The
robot has no physics, and the operator and the outcomes of its episodes are played here.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path

from rich.table import Table

from physai.infrastructure.console import print_table, stdout
from physai.infrastructure.contracts import AuditRecord, Contract, Release

from ..gating.events import Approved, Outcome
from ..gating.rules import GateRules, ShadowBounds
from ..gating.sequential import TrialRules
from ..gitops.releases import approve
from ..loader.agent import Agent
from ..loader.desired import GitSource
from ..loader.home import RobotHome
from ..loader.loader import LoaderStatus
from ..runtime.loop import LoopReport
from ..runtime.motion import MotionLimits
from ..runtime.service import RunSettings, serve
from ..runtime.simulated import SimulatedRobot
from .fleet import UR10, Fleet

RULES = GateRules(
    shadow=ShadowBounds(min_steps=30, max_rms=0.1, max_abs=0.2),  # a second of control steps
    trial=TrialRules(drop=0.5, miss=0.05, max_episodes=50),
)
SETTINGS = RunSettings(steps=240, poll_s=0.2, motion=MotionLimits(), blend_steps=0)


class Story(Contract):
    """How it went."""

    loop: LoopReport
    serving: str
    """Release that is active at the end."""
    stage: str
    records: tuple[AuditRecord, ...]


class Operator:
    """A person at the cell, and the robot's episodes: both hear what the hot-loader sees."""

    def __init__(self, fleet: Fleet, agent: Agent) -> None:
        self._fleet, self._agent = fleet, agent
        self._proposed = False

    def hear(self, status: LoaderStatus) -> None:
        """Release once more as soon as the robot works, approve what waits for it, and try what has taken over."""
        if not self._proposed and status.serving:
            self._proposed = True
            release(self._fleet, "second")
        if (status.waiting_for or "").endswith("approval"):
            self.approve()
        if status.switched and status.wanted == "second":
            self._work("second")

    def approve(self) -> None:
        """Approve the gate's candidate."""
        candidate = self._agent.gate.state.candidate
        assert candidate is not None, "something waits"
        at, who, why = datetime.now(UTC), "anna", "watched it"
        self._agent.gate.send(Approved(at=at, release=candidate.release, package=candidate.package, by=who, reason=why))

    def _work(self, name: str) -> None:
        episode = 0
        while (active := self._agent.gate.state.active) and active.stage == "active":
            self._agent.gate.send(Outcome(at=datetime.now(UTC), release=name, episode=episode, success=True))
            episode += 1


def release(fleet: Fleet, name: str) -> Release:
    """Propose a package to the robot and approve it for the fleet; the robot's own gate still decides."""
    proposed = fleet.propose_sample(name, "pilot", ("robot-1",), successes=95, episodes=100)
    return approve(fleet.repository, proposed.name, "ben", "its evaluation passes")


def play(folder: Path) -> Story:
    """Play it in an empty folder."""
    fleet = Fleet(folder)
    home = RobotHome("robot-1", folder / "robot-1")
    agent = Agent(home, GitSource(fleet.repository), fleet.registry, RULES)
    operator = Operator(fleet, agent)
    first = release(fleet, "first")
    _, package = agent.bring(agent.find())
    agent.offer(first, package, UR10)
    agent.gate.advance(agent.condition())
    operator.approve()
    _, report = serve(agent, UR10, SimulatedRobot(len(UR10.joints), UR10.rate_hz), SETTINGS, operator.hear)
    active = agent.gate.state.active
    assert active is not None, "the first release is"
    return Story(loop=report, serving=active.release, stage=active.stage, records=tuple(agent.gate.history()))


def main() -> None:
    """Play it, and print the robot's audit log."""
    story = play(Path(sys.argv[1] if len(sys.argv) > 1 else "out/one-robot").resolve())
    table = Table("#", "event", "by", "result", "why")
    for record in story.records:
        if record.event["event"] != "outcome":
            why = record.event.get("reason") or record.event.get("why") or ""
            table.add_row(
                str(record.seq), record.event["event"], record.event.get("by", "robot"), record.result, str(why)
            )
    print_table(table)
    stdout.print(f"{story.loop.steps} steps, {story.loop.misses} deadlines missed; {story.serving} is {story.stage}")


if __name__ == "__main__":
    main()
