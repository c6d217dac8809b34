"""What decides, on a robot, which policy it runs: bring a release, prove it, put it to the gate, switch."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from physai.infrastructure.console import stderr
from physai.infrastructure.contracts import Digest, PolicyPackage, Rate, Release, RobotCondition, RobotState
from physai.infrastructure.errors import MissingFileError, PhysaiError
from physai.infrastructure.fit import RobotFacts, check_fit
from physai.infrastructure.registry import Registry

from ..errors import NotReleasedError, RepositoryError
from ..gating.events import Activated, Failed, RolledBack
from ..gating.gate import Gate
from ..gating.rules import AutoApproval, GateRules
from ..gitops.releases import check_release
from .desired import Source
from .home import RobotHome
from .staging import check_runnable, check_signed, stage, verify

FLEET_RULES = GateRules(automatic=(AutoApproval(name="fleet"),), trial=None)
"""What the fleet approved takes over between episodes; production is judged elsewhere."""

type Install = Callable[[Path, PolicyPackage], None]
"""Lets a verified package take over; raises a `PhysaiError` if the policy before it goes on."""


class Agent:
    """One robot's policies. Nothing that fails here changes what it runs."""

    def __init__(self, home: RobotHome, source: Source, registry: Registry, rules: GateRules | None = None) -> None:
        """Open a robot's home and gate.

        Args:
            home: The robot's disk.
            source: Tells what is wanted.
            registry: Where packages are.
            rules: Of the gate, in force from now on; None for those in force already.
        """
        self.home = home
        self.robot = home.robot
        self._source = source
        self._registry = registry
        self._success: dict[str, Rate] = {}
        self._running = False
        self.gate = Gate(home.folder / "gate", self.robot, rules, reboot=True)
        self.state = home.read_state()
        """What the robot has activated, as its disk says."""
        self._reconcile()

    def find(self, name: str | None = None) -> Release:
        """The release to run; without the source, the one that is active already.

        Args:
            name: Of a release; None for the newest in force.

        Raises:
            NotReleasedError: If there is none, or it may not run.
            RepositoryError: If the source is out of reach and the robot has nothing to go on with.
        """
        try:
            desired = self._source.read(self.robot, name)
        except (RepositoryError, MissingFileError) as error:
            known = self.home.read_release()
            if known is None or name not in (None, known.name):
                raise
            stderr.print(f"{self.robot}: goes on with release {known.name}, since {error}")
            return known
        self.home.write_policy(desired.policy)
        self._success[desired.release.name] = desired.success
        return desired.release

    def bring(self, release: Release) -> tuple[Path, PolicyPackage]:
        """Pull a release's package and prove it: signature, digests, golden vectors."""
        check_signed(self.home, release.package, self._registry, self.home.read_policy())
        folder = stage(self.home, release.package, self._registry)
        return folder, verify(folder, release.package)

    def offer(self, release: Release, package: PolicyPackage, facts: RobotFacts) -> None:
        """Put a proven package to the gate; a release that the gate left for this one is rolled back.

        Raises:
            MisfitError: If it was made for another robot.
            NotReleasedError: If the release may not run here.
            RefusedError: If the gate has turned it down before.
        """
        check_runnable(package, self.robot)
        check_fit(package, facts, self.robot)
        check_release(release, self.robot)
        state = self.gate.state
        if state.active and state.last_good and state.last_good.release == release.name:
            why = f"the fleet returned to {release.name}"
            self.gate.send(RolledBack(at=now(), release=state.active.release, by="fleet", reason=why))
        elif not (state.active and state.active.release == release.name):
            if release.name not in self._success:
                raise NotReleasedError(release.name, "its evaluation is not known", "Wait for the fleet's repository")
            self.home.write_candidate(release)
            self.gate.stage(release, self._success[release.name])

    def switch(self, condition: RobotCondition, install: Install) -> bool:
        """Let the gate's candidate take over, if the gate allows it now.

        Args:
            condition: Of the robot.
            install: Carries the switch out.

        Returns:
            Whether another policy serves now.

        Raises:
            PhysaiError: If the switch failed; the policy before it serves, and the gate knows.
        """
        candidate = self.gate.advance(condition).candidate
        if candidate is None or candidate.stage != "activating":
            return False
        before = self.state
        try:
            release = self.home.read_candidate(candidate.release)
            folder, package = self.prove(release.package)
            install(folder, package)
            self._remember(release)
            self.gate.send(Activated(at=now(), release=release.name))
        except (PhysaiError, OSError) as error:
            self._take_back(before, install)
            self._tell_failure(candidate.release, str(error))
            raise
        return True

    def serve(self, install: Install) -> Digest | None:
        """Load what the gate says serves, from the robot's own disk; what is damaged is fetched, or passed over.

        Returns:
            Digest of the package that serves; None if the robot never had one.
        """
        active = self.gate.serving
        releases = self.home.good_releases()
        wanted = [release for release in releases if active and release.name == active.release]
        for release in [*wanted, *(release for release in releases if release not in wanted)]:
            try:
                folder, package = self.prove(release.package)
                install(folder, package)
            except PhysaiError as error:
                stderr.print(f"{self.robot}: cannot serve release {release.name}: {error}")
                continue
            if self.state is None or self.state.release != release.name:
                self._write_state(release)
            return release.package
        return None

    def activate(self, release: Release, package: PolicyPackage, facts: RobotFacts) -> None:
        """Offer a proven package and let it take over now.

        Raises:
            MisfitError: If it was made for another robot.
            NotReleasedError: If the release may not run here, or not now.
        """
        self.offer(release, package, facts)
        condition = self.condition()
        self.switch(condition, lambda *_: None)
        status = self.gate.status(condition)
        if status.fault:
            raise NotReleasedError(release.name, "the gate's journal cannot be trusted", status.fault)
        if status.active is None or status.active.release != release.name:
            raise NotReleasedError(release.name, f"waits for {status.waiting_for}", "See `gate status`")
        if not self.is_active(release):
            self._remember(release)

    def condition(self) -> RobotCondition:
        """Of a robot that is known to do nothing but its episodes."""
        return RobotCondition(
            robot=self.robot, at=now(), idle=not self._running, mid_episode=self._running, e_stop=False
        )

    def is_active(self, release: Release) -> bool:
        """Whether the robot has activated exactly this release."""
        return self.state is not None and (self.state.release, self.state.package) == (release.name, release.package)

    def start(self) -> None:
        """Episodes begin.

        Raises:
            NotReleasedError: If what is active is bad, and there is nothing to return to.
        """
        if self.gate.status().hold:
            raise NotReleasedError(self.robot, "no episode may begin under the active policy", "Release another")
        self._running = True
        self._tell("running")

    def stop(self) -> None:
        """Episodes have ended."""
        self._running = False
        self._tell("stopped")

    def prove(self, digest: Digest) -> tuple[Path, PolicyPackage]:
        """The package of a digest, proven again, from the disk if it is whole there."""
        check_signed(self.home, digest, self._registry, self.home.read_policy())
        folder = stage(self.home, digest, self._registry)
        return folder, verify(folder, digest)

    def _remember(self, release: Release) -> None:
        self.home.write_release(release)
        self._write_state(release)

    def _write_state(self, release: Release) -> None:
        state = RobotState(
            robot=self.robot, release=release.name, package=release.package, activated_at=now(), state="active"
        )
        self.home.write_state(state)
        self.state = state

    def _take_back(self, before: RobotState | None, install: Install) -> None:
        """Return to what served before a switch that failed."""
        self.state = before
        try:
            if before:
                install(*self.prove(before.package))
                self.home.write_state(before)
        except (PhysaiError, OSError) as error:  # it serves already, or is loaded at the next start
            stderr.print(f"{self.robot}: {error}")

    def _tell_failure(self, release: str, why: str) -> None:
        try:
            self.gate.send(Failed(at=now(), release=release, reason=why[:500]))
        except PhysaiError as error:  # taken for a switch that was cut off, at the next start
            stderr.print(f"{self.robot}: {error}")

    def _reconcile(self) -> None:
        """The gate's journal is right where a cut came between it and the state."""
        active = self.gate.serving
        if active and (self.state is None or self.state.release != active.release):
            release = next((one for one in self.home.good_releases() if one.name == active.release), None)
            if release:
                self._write_state(release)

    def _tell(self, state: Literal["running", "stopped"]) -> None:
        assert self.state is not None, "an active policy has a state"
        self.state = self.state.model_copy(update={"state": state})
        self.home.write_state(self.state)


def now() -> datetime:
    """By the robot's clock."""
    return datetime.now(UTC)
