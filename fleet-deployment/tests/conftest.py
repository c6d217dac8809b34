"""What the tests of this domain share: a registry, a fleet repository and packages, all real and small."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from physai.fleet_deployment.examples.fleet import Fleet as SampleFleet
from physai.fleet_deployment.gitops.releases import approve
from physai.fleet_deployment.loader.agent import FLEET_RULES, Agent
from physai.fleet_deployment.loader.desired import GitSource
from physai.fleet_deployment.loader.home import RobotHome
from physai.fleet_deployment.publish import create_release
from physai.fleet_deployment.tests.fleet_evidence import write_evidence
from physai.infrastructure.contracts import Release
from physai.infrastructure.registry import manifest_digest
from physai.infrastructure.tests.registry_packages import make_package


class Fleet(SampleFleet):
    """A registry and a fleet repository in one folder, whose packages and evidence the tests make."""

    def propose(self, package: Path, *, robots: tuple[str, ...] = ("robot-1",), **options: Any) -> Release:
        """Release a package with evidence that speaks for it."""
        evidence = write_evidence(self.root / "evidence" / package.name, manifest_digest(package))
        return create_release(
            package,
            *evidence,
            cohort=options.get("cohort", "pilot"),
            robots=robots,
            registry=self.registry,
            repository=self.repository,
            windows=options.get("windows", ()),
            name=options.get("name"),
        )

    def release(self, package: Path, **options: Any) -> Release:
        """Propose a package and approve it."""
        return approve(self.repository, self.propose(package, **options).name, "gate", "PASS")

    def find(self, robot: str, name: str | None = None) -> Release:
        """The release a robot is to run."""
        return GitSource(self.repository).read(robot, name).release

    def agent(self, robot: str = "robot-1") -> Agent:
        return Agent(
            RobotHome(robot, self.root / "robots" / robot), GitSource(self.repository), self.registry, FLEET_RULES
        )


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(tmp_path)


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Callable[[float], Path]:
    """Package by the shift that tells it apart; each is built once."""
    root = tmp_path_factory.mktemp("packages")

    def package(shift_rad: float) -> Path:
        folder = root / f"shift-{shift_rad}"
        return folder if folder.exists() else make_package(folder, shift_rad=shift_rad)

    return package
