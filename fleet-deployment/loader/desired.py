"""What a robot is to run, and what its fleet asks of a package: from Git, or from what Flux has mounted."""

from pathlib import Path
from typing import NamedTuple, Protocol

from pydantic import ValidationError

from physai.infrastructure.contracts import FleetPolicy, Rate, Release

from ..errors import EvidenceError, NotReleasedError
from ..gitops.policy import read_policy
from ..gitops.releases import check_release, find_in
from ..gitops.repository import FleetRepository
from ..gitops.tree import SUCCESS_FILE, read_success


class Desired(NamedTuple):
    """What is wanted of a robot."""

    release: Release
    policy: FleetPolicy
    success: Rate
    """Of the release's own evaluation."""


class Source(Protocol):
    """Tells what a robot is to run."""

    def read(self, robot: str, name: str | None = None) -> Desired:
        """What is wanted now.

        Args:
            robot: Whose.
            name: Of a release; None for the newest in force.

        Raises:
            NotReleasedError: If there is none, or it may not run on this robot.
            PhysaiError: If the source is out of reach.
        """


class GitSource:
    """The fleet's repository itself."""

    def __init__(self, repository: FleetRepository) -> None:
        self._repository = repository

    def read(self, robot: str, name: str | None = None) -> Desired:
        """What the newest commit says."""
        with self._repository.read() as tree:
            release = find_in(tree, self._repository.url, robot, name)
            return Desired(release, read_policy(tree), read_success(tree, release))


class MountedSource:
    """A ConfigMap that Flux keeps up to date, mounted as a folder; the kubelet swaps it whole."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, robot: str, name: str | None = None) -> Desired:
        """What is mounted now."""
        release = check_release(Release.read(self._folder / "release.json"), robot)
        if name not in (None, release.name):
            raise NotReleasedError(robot, f"{self._folder} holds release {release.name}, not {name}", "Wait for Flux")
        try:
            success = Rate.model_validate_json((self._folder / SUCCESS_FILE).read_bytes())
        except (OSError, ValidationError) as error:
            raise EvidenceError(self._folder / SUCCESS_FILE, "holds no success rate", "Release it again") from error
        return Desired(release, read_policy(self._folder), success)
