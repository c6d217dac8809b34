"""A robot's own disk: staged packages, the state that survives a reboot, and the lock of the one process that works."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from physai.infrastructure.contracts import Digest, Release, RobotState

from ..errors import RobotBusyError


@dataclass(frozen=True)
class RobotHome:
    """Where one robot keeps what it must not lose."""

    robot: str
    folder: Path

    def package(self, digest: Digest) -> Path:
        """Where a staged package lies."""
        return self.folder / "packages" / digest.removeprefix("sha256:")

    def read_state(self) -> RobotState | None:
        """The policy activated last, or None for a robot that never had one."""
        path = self.folder / "state.json"
        return RobotState.read(path) if path.exists() else None

    def write_state(self, state: RobotState) -> None:
        """Remember the state, whole."""
        state.write(self.folder / "state.json")

    def read_release(self) -> Release | None:
        """The release activated last, for when the fleet's repository is out of reach."""
        path = self.folder / "release.json"
        return Release.read(path) if path.exists() else None

    def write_release(self, release: Release) -> None:
        """Remember a release, whole."""
        release.write(self.folder / "release.json")

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
