"""Ten robots in three cohorts through a good release, a bad one, and a partition in each.

    uv run python -m physai.fleet_deployment.examples.ten_robots out/ten-robots

Real: the fleet repository (Git), the registry, proof of every package, each robot's gate and hot-loader, its log of
events, and the rollout that judges them and commits what it decides. Only the outcomes of episodes are drawn by lot.
"""

import random
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.table import Table

from physai.infrastructure.console import print_table, stderr
from physai.infrastructure.contracts import Contract, EpisodeData

from ..gitops.compare import promote
from ..gitops.releases import approve
from ..loader.agent import FLEET_RULES, Agent
from ..loader.desired import GitSource
from ..loader.home import RobotHome
from ..loader.loader import Loader
from ..robot.event_log import EventLog
from ..robot.work import make_event
from ..rollout.commits import commit, plan_for
from ..rollout.events import Started
from ..rollout.store import Rollout, read_episodes
from .fleet import UR10, Fleet

COHORTS = {
    "pilot": ("robot-1", "robot-2"),
    "hall": ("robot-3", "robot-4", "robot-5"),
    "plant": ("robot-6", "robot-7", "robot-8", "robot-9", "robot-10"),
}
EVALUATED = (475, 500)  # of every release: the bad one does as well in its evaluation, and worse on the robots
EPISODES = 30  # of one robot between two looks of the rollout
SUCCESS = {"first": 0.95, "good": 0.95, "bad": 0.6}


class Chapter(Contract):
    """What became of one release."""

    release: str
    phase: str
    cohort: str
    """The last that got it."""
    episodes: int
    """Worked under it, by all robots."""
    commits: tuple[str, ...]
    serving: dict[str, int]
    """Name of the package → robots that run it at the end, those that were cut off among them."""


@dataclass
class Robot:
    """One robot: its disk, its gate, its hot-loader and its log of events."""

    name: str
    fleet: Fleet
    coin: random.Random
    worked: Counter[str] = field(default_factory=Counter)
    """Name of the package → episodes."""

    def __post_init__(self) -> None:
        folder = self.fleet.root / "robots" / self.name
        source = GitSource(self.fleet.repository)
        self.agent = Agent(RobotHome(self.name, folder), source, self.fleet.registry, FLEET_RULES)
        self.loader = Loader(self.agent, UR10, lambda _: True, self.agent.condition)
        self.log = EventLog(folder / "events.jsonl")
        self.loader.boot()

    @property
    def policy(self) -> str:
        """Name of the package that serves."""
        assert self.loader.serving is not None, "the first release is there before the others"
        return self.fleet.registry.show(self.loader.serving).package.name

    def work(self) -> None:
        """Follow the fleet, then work some episodes under what serves."""
        if error := self.loader.look().error:
            stderr.print(error)
        policy, now = self.policy, datetime.now(UTC)
        for _ in range(EPISODES):
            self.log.append(make_event(self._episode(policy, now), now))
            self.worked[policy] += 1

    def _episode(self, policy: str, now: datetime) -> EpisodeData:
        assert self.agent.state is not None
        return EpisodeData(
            policy=self.agent.state.package,
            release=self.agent.state.release,
            cohort=next(cohort for cohort, robots in COHORTS.items() if self.name in robots),
            robot=self.name,
            site="plant-1",
            task=UR10.task,
            episode=self.worked[policy],
            started_at=now,
            success=self.coin.random() < SUCCESS[policy],
            steps=30,
            duration_s=1.0,
            command=(0.5, 0.1, 0.3, 0.0, 0.0, 0.0, 1.0),
            inference_p50_ms=0.0,
            inference_p99_ms=0.0,
            deadline_misses=0,
            clamped_actions=0,
            held_actions=0,
            action_mean=(0.0,) * 6,
            action_std=(0.0,) * 6,
            kpis={},
        )


def play(folder: Path, seed: int = 0) -> tuple[Chapter, Chapter]:
    """Play the whole story in an empty folder; how the good and the bad release ended."""
    fleet, coin = Fleet(folder), random.Random(seed)  # noqa: S311  outcomes, not secrets
    first = fleet.propose_sample("first", "pilot", COHORTS["pilot"], *EVALUATED)  # what everyone runs before
    approve(fleet.repository, first.name, "anna", "the first policy of the fleet")
    for cohort in ("hall", "plant"):
        copy = promote(fleet.repository, first.name, cohort, COHORTS[cohort])
        approve(fleet.repository, copy.name, "anna", "the first policy of the fleet")
    everyone = [Robot(name, fleet, coin) for robots in COHORTS.values() for name in robots]
    for robot in everyone:
        robot.loader.look()
    good = roll_out(fleet, "good", everyone, cut_off=("robot-9", "robot-10"), after=0)
    bad = roll_out(fleet, "bad", everyone, cut_off=("robot-2",), after=1)  # it has the bad one when it is cut off
    return good, bad


def roll_out(fleet: Fleet, name: str, robots: Sequence[Robot], cut_off: Sequence[str], after: int) -> Chapter:
    """Roll a release out until it is done or stopped; then those that were cut off come back.

    Args:
        fleet: Of the robots.
        name: Of the release.
        robots: All of them.
        cut_off: Names of those that neither hear nor are heard of for a while.
        after: How many looks of the rollout pass before that.
    """
    fleet.propose_sample(name, "pilot", COHORTS["pilot"], *EVALUATED)
    plan = plan_for(fleet.repository, name, {cohort: COHORTS[cohort] for cohort in ("hall", "plant")})
    rollout = Rollout(fleet.root / "rollouts" / name, name, plan)
    rollout.send([Started(at=datetime.now(UTC), by="anna")])
    commits = list(commit(fleet.repository, plan, rollout.state, rollout.status().head))
    look = 0
    while rollout.state.phase == "rolling":
        connected = [robot for robot in robots if look < after or robot.name not in cut_off]
        for robot in connected:
            robot.work()
        rollout.send(read_episodes([robot.log.path for robot in connected], plan))
        commits += commit(fleet.repository, plan, rollout.state, rollout.status().head)
        look += 1
    for robot in robots:
        robot.loader.look()
    state = rollout.state
    return Chapter(
        release=name,
        phase=state.phase,
        cohort=plan.cohorts[state.cohort].name,
        episodes=sum(robot.worked[name] for robot in robots),
        commits=tuple(commits),
        serving=dict(Counter(robot.policy for robot in robots)),
    )


def main() -> None:
    """Play it, and print how it went."""
    table = Table("release", "ended", "in cohort", "episodes", "robots run", "commits")
    for chapter in play(Path(sys.argv[1] if len(sys.argv) > 1 else "out/ten-robots").resolve()):
        serving = ", ".join(f"{name}: {count}" for name, count in chapter.serving.items())
        table.add_row(
            chapter.release, chapter.phase, chapter.cohort, str(chapter.episodes), serving, "\n".join(chapter.commits)
        )
    print_table(table)


if __name__ == "__main__":
    main()
