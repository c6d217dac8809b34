"""A robot's own disk: staged packages, what survives a reboot, and the lock of the one process that works."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from physai.infrastructure.aside import is_aside
from physai.infrastructure.console import stderr
from physai.infrastructure.contracts import ContractError, Digest, FleetPolicy, Release, RobotState

from ..errors import NotReleasedError, RobotBusyError

KEPT = 3  # releases to return to, the active one among them


@dataclass(frozen=True)
class RobotHome:
    """Where one robot keeps what it must not lose."""

    robot: str
    folder: Path

    def package(self, digest: Digest) -> Path:
        """Where a staged package lies."""
        return self.folder / "packages" / digest.removeprefix("sha256:")

    def signatures(self, digest: Digest) -> Path:
        """Where the signatures of a staged package lie."""
        return self.folder / "signatures" / f"{digest.removeprefix('sha256:')}.json"

    def read_state(self) -> RobotState | None:
        """The policy activated last, or None for a robot that never had one.

        A file that cannot be read is set aside, and the last good release takes its place.
        """
        path = self.folder / "state.json"
        try:
            return RobotState.read(path) if path.exists() else None
        except ContractError as error:
            stderr.print(f"{self.robot}: goes on with its last good release, since {error}")
            path.replace(path.with_name("state.json.broken"))
            return self._recovered()

    def _recovered(self) -> RobotState | None:
        release = self.read_release()
        if release is None or release.approval is None:
            return None
        activated_at = release.approval.at  # no later than it was; the file that knew is lost
        return RobotState(
            robot=self.robot,
            release=release.name,
            package=release.package,
            activated_at=activated_at,
            state="stopped",
        )

    def write_state(self, state: RobotState) -> None:
        """Remember the state, whole."""
        state.write(self.folder / "state.json")

    def good_releases(self) -> list[Release]:
        """Releases that were active, the latest first; those that cannot be read are passed over, and told of."""
        found = []
        for path in sorted((self.folder / "releases").glob("[0-9]*.json"), reverse=True):
            try:
                found.append(Release.read(path))
            except ContractError as error:
                stderr.print(f"{self.robot}: passes over a release, since {error}")
        return found

    def read_release(self) -> Release | None:
        """The release activated last, for when the fleet's repository is out of reach."""
        return next(iter(self.good_releases()), None)

    def write_release(self, release: Release) -> None:
        """Remember a release as the latest that was active, and forget the oldest."""
        folder = self.folder / "releases"
        there = sorted(folder.glob("[0-9]*.json"))
        number = int(there[-1].stem) + 1 if there else 0
        release.write(folder / f"{number:08d}.json")
        same = [path for path in there if _names(path, release.name)]
        kept = [path for path in there if path not in same]
        for path in [*same, *kept[: -KEPT + 1]]:
            path.unlink()

    def write_candidate(self, release: Release) -> None:
        """Remember a release that waits at the gate."""
        release.write(self.folder / "candidate.json")

    def read_candidate(self, name: str) -> Release:
        """The release that waits at the gate.

        Raises:
            NotReleasedError: If the file speaks of another one.
        """
        release = Release.read(self.folder / "candidate.json")
        if release.name != name:
            raise NotReleasedError(self.robot, f"holds candidate {release.name}, not {name}", "Offer it again")
        return release

    def read_policy(self) -> FleetPolicy:
        """What is asked of a package: the robot's own word, else the fleet's as it was seen last."""
        for name in ("trust.json", "fleet-policy.json"):
            if (self.folder / name).exists():
                return FleetPolicy.read(self.folder / name)
        return FleetPolicy()

    def write_policy(self, policy: FleetPolicy) -> None:
        """Remember what the fleet asks of a package."""
        path = self.folder / "fleet-policy.json"
        if not path.exists() or FleetPolicy.read(path) != policy:
            policy.write(path)

    def collect_garbage(self, needed: frozenset[Digest]) -> list[str]:
        """Remove packages that nothing can return to.

        Args:
            needed: Digests to keep beside those of the last good releases.

        Returns:
            Names of what was removed.
        """
        keep = needed | {release.package for release in self.good_releases()}
        names = {digest.removeprefix("sha256:") for digest in keep}
        removed = []
        for path in [*(self.folder / "packages").glob("*"), *(self.folder / "signatures").glob("*")]:
            plain = path.name.lstrip(".").split(".")[0] if is_aside(path.name) else path.stem
            if plain not in names:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
                removed.append(path.name)
        return removed

    @contextmanager
    def working(self) -> Iterator[None]:
        """Be the one process that works as this robot.

        Raises:
            RobotBusyError: If another one does.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise RobotBusyError(self.robot, self.folder) from error
            yield


def _names(path: Path, release: str) -> bool:
    try:
        return Release.read(path).name == release
    except ContractError:
        return True  # nobody can return to it
