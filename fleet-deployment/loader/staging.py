"""Bring a package onto the robot and prove it there, before anything runs it."""

import shutil
from pathlib import Path

from physai.infrastructure.contracts import Digest, PolicyPackage
from physai.infrastructure.errors import PhysaiError
from physai.infrastructure.registry import Registry, manifest_digest
from physai.infrastructure.registry.verify import verify_package

from .home import RobotHome


def stage(home: RobotHome, digest: Digest, registry: Registry) -> Path:
    """The folder of a package on the robot; pulled by digest, or kept if it is there undamaged."""
    folder = home.package(digest)
    if folder.exists() and not _undamaged(folder, digest):
        shutil.rmtree(folder)
    return registry.pull(digest, folder) if not folder.exists() else folder


def verify(folder: Path, digest: Digest) -> PolicyPackage:
    """Check every digest and replay the golden vectors; a package that fails is removed from the robot."""
    try:
        return verify_package(folder, digest)
    except PhysaiError:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _undamaged(folder: Path, digest: Digest) -> bool:
    try:
        return manifest_digest(folder) == digest
    except PhysaiError:
        return False
