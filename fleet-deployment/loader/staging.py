"""Bring a package onto the robot and prove it there, before anything runs it."""

import shutil
from pathlib import Path

from pydantic import ValidationError

from physai.infrastructure.aside import write_whole
from physai.infrastructure.contracts import Digest, FleetPolicy, PolicyPackage
from physai.infrastructure.errors import PhysaiError
from physai.infrastructure.fit import MisfitError
from physai.infrastructure.registry import Registry, manifest_digest
from physai.infrastructure.registry.signing import Signatures, check_signatures, fetch_signatures
from physai.infrastructure.registry.verify import verify_package

from .home import RobotHome


def stage(home: RobotHome, digest: Digest, registry: Registry) -> Path:
    """The folder of a package on the robot; pulled by digest, or kept if it is there undamaged."""
    folder = home.package(digest)
    if folder.exists() and not _undamaged(folder, digest):
        shutil.rmtree(folder)
    return registry.pull(digest, folder) if not folder.exists() else folder


def check_signed(home: RobotHome, digest: Digest, registry: Registry, policy: FleetPolicy) -> None:
    """Refuse a package that nobody trusted has signed, where the policy asks for it.

    The signatures are kept on the robot, so that they are checked again, against the keys of that day, off-line.

    Raises:
        SignatureError: If no trusted key has signed it.
    """
    if not policy.require_signature:
        return
    path = home.signatures(digest)
    trusted = list(policy.trusted_keys.values())
    kept = _read_signatures(path)
    if kept is not None:
        try:
            check_signatures(kept, digest, trusted, str(path))
        except PhysaiError:
            path.unlink()  # perhaps it has been signed anew
        else:
            return
    fetched = fetch_signatures(registry, digest)
    check_signatures(fetched, digest, trusted, registry.name)
    write_whole(path, fetched.model_dump_json().encode())


def verify(folder: Path, digest: Digest) -> PolicyPackage:
    """Check every digest and replay the golden vectors; a package that fails is removed from the robot."""
    try:
        return verify_package(folder, digest)
    except PhysaiError:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def check_runnable(package: PolicyPackage, robot: str) -> None:
    """Refuse a package whose actions this runtime would send as something else, or that needs a memory it has not.

    Raises:
        MisfitError: If the actions are no absolute joint positions, or the policy is recurrent.
    """
    if package.action_meaning != "absolute-joint-position":
        raise MisfitError(robot, "action", package.action_meaning, "absolute-joint-position")
    if package.states:
        raise MisfitError(robot, "memory", ", ".join(state.input for state in package.states), "none")


def _read_signatures(path: Path) -> Signatures | None:
    try:
        return Signatures.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def _undamaged(folder: Path, digest: Digest) -> bool:
    try:
        return manifest_digest(folder) == digest
    except PhysaiError:
        return False
