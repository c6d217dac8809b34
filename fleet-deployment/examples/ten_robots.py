"""Ten robots through a good release, a bad one and a partition.

Real: the fleet repository (Git), the registry, proof of every package, each robot's gate and its trial by production.
Only the outcomes of episodes are drawn by lot; `tests/test_example_ten_robots.py` runs it.
"""

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from physai.infrastructure.contracts import Contract, Digest, Release
from physai.infrastructure.registry import Registry

from ..errors import RefusedError
from ..gating.events import Outcome
from ..gating.rules import AutoApproval, GateRules
from ..gitops.repository import FleetRepository
from ..loader.agent import Agent
from ..loader.desired import GitSource
from ..loader.home import RobotHome
from ..loader.loader import Loader
from ..runtime.service import describe

RULES = GateRules(automatic=(AutoApproval(name="fleet"),))


class Shift(Contract):
    """How one round of the fleet ended."""

    serving: dict[str, Digest | None]
    """Robot → package."""
    episodes: dict[str, int]
    """Robot → episodes it worked under the release that was tried."""
    errors: dict[str, str]
    """Robot → why it could not follow."""


class Robot:
    """One robot: its disk, its gate and its hot-loader."""

    def __init__(self, name: str, folder: Path, repository: FleetRepository, registry: Registry) -> None:
        from physai.infrastructure.robots import load_robot

        self.name = name
        self._repository = repository
        self.agent = Agent(RobotHome(name, folder), GitSource(repository), registry, RULES)
        facts = describe(load_robot("ur10"), "Isaac-Reach-UR10", 30.0)
        self.loader = Loader(self.agent, facts, lambda _: True, self.agent.condition)
        self.loader.boot()

    def follow(self) -> str | None:
        """Look at the fleet once; why that was not possible."""
        return self.loader.look().error

    def work(self, release: Release, success: float, coin: random.Random, episodes: int) -> int:
        """Work until the gate has decided about a release; how many episodes that took."""
        for episode in range(episodes):
            active = self.agent.gate.state.active
            if active is None or active.release != release.name or active.stage != "active":
                return episode
            event = Outcome(
                at=datetime.now(UTC), release=release.name, episode=episode, success=coin.random() < success
            )
            try:
                self.agent.gate.send(event)
            except RefusedError:  # decided meanwhile
                return episode
        return episodes


def run_shift(
    robots: Sequence[Robot], release: Release, success: float, coin: random.Random, episodes: int = 150
) -> Shift:
    """Every robot follows the fleet, works, and follows again what its gate decided.

    Args:
        robots: Of the cohort.
        release: In force.
        success: Probability of a successful episode under it.
        coin: Where outcomes come from.
        episodes: At most, per robot.
    """
    errors = {robot.name: why for robot in robots if (why := robot.follow())}
    worked = {robot.name: robot.work(release, success, coin, episodes) for robot in robots}
    for robot in robots:
        robot.follow()
    return Shift(serving={robot.name: robot.loader.serving for robot in robots}, episodes=worked, errors=errors)
