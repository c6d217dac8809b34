"""What is deployed: one package behind an endpoint, under names that its digest decides."""

import re
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field

from physai.infrastructure.contracts import Contract, Digest, PolicyPackage
from physai.infrastructure.registry import manifest_digest
from physai.infrastructure.registry.verify import verify_package

Image = Annotated[str, Field(pattern=r"^[a-z0-9.:/_-]+@sha256:[0-9a-f]{64}$")]
"""By digest, so that what was tried is what runs."""
Endpoint = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,30}[a-z0-9]$")]
"""As AzureML and Kubernetes take it: 3 to 32 small letters, digits and dashes."""
SHORT = 12  # characters of a digest in a name, as Git abbreviates; nothing trusts them, the whole digest is checked


class Target(Contract):
    """A package, and the endpoint that is to serve it."""

    endpoint: Endpoint
    model: str
    """Under which the host serves it: the package's name."""
    package: Digest
    folder: str
    """Of the package on this machine."""

    @classmethod
    def of(cls, endpoint: str, folder: Path) -> Self:
        """Verify a package and name its endpoint.

        Raises:
            RegistryError: If the package is damaged.
            ValidationError: If the endpoint cannot have that name.
        """
        package: PolicyPackage = verify_package(folder)
        return cls(endpoint=endpoint, model=package.name, package=manifest_digest(folder), folder=str(folder))

    @property
    def short(self) -> str:
        """The beginning of the digest."""
        return self.package.removeprefix("sha256:")[:SHORT]

    @property
    def deployment(self) -> str:
        """Name of what runs this package: another one for another package."""
        return f"p-{self.short}"

    @property
    def asset(self) -> str:
        """The package's name as AzureML takes it."""
        return re.sub(r"[^A-Za-z0-9_.-]+", "-", self.model).strip("-.")
