"""Registers a package that the gate has passed: its bytes in the OCI registry, its entry in the model registry."""

from pathlib import Path
from typing import Literal

from physai.infrastructure.contracts import Digest, Document, GateVerdict
from physai.infrastructure.registry import manifest_digest, open_registry
from physai.infrastructure.registry.models import Alias
from physai.infrastructure.registry.models import register as enter
from physai.infrastructure.registry.verify import verify_package
from physai.infrastructure.settings import settings

from ..errors import NotPassedError
from .sbom import attach_sbom


class Registered(Document):
    """Where a package is found from now on."""

    kind: Literal["registered-package"] = "registered-package"
    version: Literal[1] = 1
    name: str
    package: Digest
    registry: str
    model_version: str
    """In the model registry."""
    alias: str | None


def register(folder: Path, verdict: Path, alias: Alias | None = None) -> Registered:
    """Push a package with its bill of materials, and enter it by its digest; again, it changes nothing.

    Args:
        folder: Of the package.
        verdict: Of the gate, on this very package.
        alias: To move to it.

    Raises:
        NotPassedError: If the verdict is not PASS, or is on another package.
        RegistryError: If the package is damaged, or the registry does not take it.
        TrackingError: If MLflow does not answer.
    """
    package, digest = verify_package(folder), manifest_digest(folder)
    check_passed(verdict, GateVerdict.read(verdict), digest)
    where = open_registry(str(settings().registry))
    where.push(folder)
    attach_sbom(folder, where)
    version = enter(package.name, digest, run_id=package.run_id, alias=alias)
    return Registered(name=package.name, package=digest, registry=where.name, model_version=version, alias=alias)


def check_passed(path: Path, judged: GateVerdict, digest: Digest) -> None:
    """Let pass what the gate has passed.

    Raises:
        NotPassedError: If the verdict is not PASS, or is on another package.
    """
    if judged.package != digest:
        raise NotPassedError(path, f"is on {judged.package}, the package is {digest}")
    if judged.verdict != "PASS":
        raise NotPassedError(path, f"says {judged.verdict}")
