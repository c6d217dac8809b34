"""Lets a loader take a release again and again, killed at a later step each time, and starts it anew after every kill.

Run as a process of its own, since it forks: `loader_crash.py OLD NEW SCRATCH STRIDE`. Prints how many kills left
which policy.
"""

import json
import os
import shutil
import sys
from pathlib import Path

from physai.fleet_deployment.loader.agent import FLEET_RULES, Agent
from physai.fleet_deployment.loader.desired import Desired
from physai.fleet_deployment.loader.home import RobotHome
from physai.fleet_deployment.loader.loader import Loader
from physai.fleet_deployment.tests.conftest import Fleet
from physai.fleet_deployment.tests.test_loader_agent import FACTS
from physai.infrastructure.contracts import FleetPolicy, Rate, Release
from physai.infrastructure.tests.registry_crash import die_at

RATE = Rate(successes=19, episodes=20, value=0.95, lower=0.76, upper=0.99)


class Wanted:
    """A source that says what it was told to; Git is tested elsewhere, and slow."""

    def __init__(self, release: Release) -> None:
        self.release = release

    def read(self, robot: str, name: str | None = None) -> Desired:
        return Desired(self.release, FleetPolicy(), RATE)


def open_loader(folder: Path, release: Release, fleet: Fleet) -> Loader:
    agent = Agent(RobotHome("robot-1", folder), Wanted(release), fleet.registry, FLEET_RULES)
    return Loader(agent, FACTS, lambda _: True, agent.condition)


def killed(step: int, folder: Path, release: Release, fleet: Fleet) -> bool:
    """Whether a loader that takes the release was killed at that step, rather than done before."""
    child = os.fork()
    if child == 0:
        die_at(step, str(folder))
        loader = open_loader(folder, release, fleet)
        loader.boot()
        loader.look()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def main(old_package: Path, new_package: Path, root: Path, stride: int) -> None:
    fleet = Fleet(root)
    old, new = fleet.release(old_package), fleet.release(new_package)
    start = root / "start"
    loader = open_loader(start, old, fleet)
    assert loader.look().serving == old.package
    counts = {"kills": 0, "old": 0, "new": 0}
    for step in range(1, 1000, stride):
        folder = root / f"step-{step}"
        shutil.copytree(start, folder)
        dead = killed(step, folder, new, fleet)
        again = open_loader(folder, new, fleet)
        serving = again.boot()
        assert serving in (old.package, new.package), f"step {step}: serves {serving}"
        status = again.look()
        assert status.error is None, f"step {step}: {status.error}"
        assert status.serving == new.package, f"step {step}: {status}"
        shutil.rmtree(folder)
        if not dead:
            print(json.dumps(counts))  # noqa: T201
            return
        counts["kills"] += 1
        counts["old" if serving == old.package else "new"] += 1


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
