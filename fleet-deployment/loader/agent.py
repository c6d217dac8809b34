"""From a release in the fleet's repository to an active policy on the robot: find, stage, verify, fit, activate."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from physai.infrastructure.console import stderr
from physai.infrastructure.contracts import PolicyPackage, Release, RobotState
from physai.infrastructure.errors import MissingFileError, PhysaiError
from physai.infrastructure.fit import RobotFacts, check_fit
from physai.infrastructure.registry import Registry

from ..errors import RepositoryError
from ..gating.slots import Slots
from ..gitops.releases import check_release
from .desired import Source
from .home import RobotHome
from .staging import check_signed, stage, verify


class Agent:
    """What decides which policy a robot runs. Its state on disk changes only when a policy is activated."""

    def __init__(self, home: RobotHome, source: Source, registry: Registry) -> None:
        self.home = home
        self.robot = home.robot
        self._source = source
        self._registry = registry
        self.state = home.read_state()
        self.slots = Slots(active=self.state.package if self.state else None)

    def find(self, name: str | None = None) -> Release:
        """The release to run; without the repository, the one that is active already.

        Args:
            name: Of a release; None for the newest in force.

        Raises:
            NotReleasedError: If there is none, or it may not run.
            RepositoryError: If the repository is out of reach and the robot has nothing to go on with.
        """
        try:
            release, policy = self._source.read(self.robot, name)
        except (RepositoryError, MissingFileError) as error:
            known = self.home.read_release()
            if known is None or name not in (None, known.name):
                raise
            stderr.print(f"{self.robot}: goes on with release {known.name}, since {error}")
            return known
        self.home.write_policy(policy)
        return release

    def bring(self, release: Release) -> tuple[Path, PolicyPackage]:
        """Stage a release's package and verify it; one that fails is dropped, and the active policy stays."""
        self.slots = self.slots.stage(release.package)
        try:
            check_signed(self.home, release.package, self._registry, self.home.read_policy())
            folder = stage(self.home, release.package, self._registry)
            return folder, verify(folder, release.package)
        except PhysaiError:
            self.slots = self.slots.refuse()
            raise

    def activate(self, release: Release, package: PolicyPackage, facts: RobotFacts) -> None:
        """Check a verified package against the robot and the release's approval, and let it take over.

        Raises:
            MisfitError: If it was made for another robot.
            NotReleasedError: If the release may not run here.
        """
        try:
            check_fit(package, facts, self.robot)
            self.slots = self.slots.verify()
            check_release(release, self.robot)
        except PhysaiError:
            self.slots = self.slots.refuse()
            raise
        self.slots = self.slots.approve().activate()
        self.home.write_release(release)
        self.state = RobotState(
            robot=self.robot,
            release=release.name,
            package=release.package,
            activated_at=datetime.now(UTC),
            state="active",
        )
        self.home.write_state(self.state)

    def is_active(self, release: Release) -> bool:
        """Whether the robot has activated exactly this release."""
        return self.state is not None and (self.state.release, self.state.package) == (release.name, release.package)

    def start(self) -> None:
        """Episodes begin."""
        self.slots = self.slots.start()
        self._tell("running")

    def stop(self) -> None:
        """Episodes have ended."""
        self.slots = self.slots.stop()
        self._tell("stopped")

    def _tell(self, state: Literal["running", "stopped"]) -> None:
        assert self.state is not None, "an active policy has a state"
        self.state = self.state.model_copy(update={"state": state})
        self.home.write_state(self.state)
