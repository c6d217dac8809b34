"""Policy packages as OCI artifacts, in a folder or in a registry, and their entries in MLflow's model registry."""

from .errors import (
    ForeignLayoutError,
    NotAPackageError,
    RegistryError,
    TamperedError,
    TargetExistsError,
    UnknownReferenceError,
    UnreachableError,
    WriteError,
)
from .layout import OciLayout
from .manifest import ARTIFACT_TYPE, Manifest, manifest_digest
from .open import open_registry
from .store import Artifact, Entry, Registry

__all__ = [
    "ARTIFACT_TYPE",
    "Artifact",
    "Entry",
    "ForeignLayoutError",
    "Manifest",
    "NotAPackageError",
    "OciLayout",
    "Registry",
    "RegistryError",
    "TamperedError",
    "TargetExistsError",
    "UnknownReferenceError",
    "UnreachableError",
    "WriteError",
    "manifest_digest",
    "open_registry",
]
