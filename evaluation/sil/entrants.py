"""Who takes part in an evaluation: packages by role, and the expert."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from physai.infrastructure.contracts import Digest, PolicyPackage, Role
from physai.infrastructure.registry import manifest_digest
from physai.infrastructure.registry.verify import verify_package

ORDER: tuple[Role, ...] = ("candidate", "champion", "untrained", "expert")
IMAGES = "observation.images."


class Entrant(NamedTuple):
    """A verified package and the role it plays."""

    role: Role
    folder: Path
    package: PolicyPackage
    digest: Digest

    @property
    def camera(self) -> tuple[str, int, int] | None:
        """Name, height and width of the camera that the policy looks through; None if it is blind."""
        for spec in self.package.inputs:
            if spec.name.startswith(IMAGES):
                return spec.name.removeprefix(IMAGES), spec.shape[-2], spec.shape[-1]
        return None


def read_entrants(folders: Mapping[Role, Path]) -> tuple[Entrant, ...]:
    """Verify every package; candidate first.

    Raises:
        PhysaiError: If a package is missing, changed, or does not do what its golden vectors say.
    """
    roles = sorted(folders, key=ORDER.index)
    return tuple(Entrant(r, folders[r], verify_package(folders[r]), manifest_digest(folders[r])) for r in roles)
