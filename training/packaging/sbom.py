"""The bill of materials of a package, in CycloneDX: its files, what it learned from, and what built it.

Source: cyclonedx.org/docs/1.6, `machine-learning-model` and `data` components.
"""

import json
import uuid
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import License
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from physai.infrastructure.contracts import Digest, PolicyPackage, digest_bytes
from physai.infrastructure.registry import Registry, manifest_digest
from physai.infrastructure.registry.manifest import PACKAGE_FILE, TITLE, Descriptor
from physai.infrastructure.registry.verify import GRAPH_FILE, check_files

from ..errors import SbomError
from ..licences import UNSTATED, of_distribution

BUILT_WITH = ("torch", "lerobot", "onnx", "onnxscript", "onnxruntime")
SBOM_TYPE = "application/vnd.cyclonedx+json"
"""Source: iana.org/assignments/media-types."""
SBOM_FILE = "sbom.cdx.json"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)  # the time of building is no fact about the package
NAMESPACE = uuid.UUID("8f1d6c1e-6a55-4a3b-9a6f-0d1f5d1b7c11")


def make_sbom(folder: Path) -> str:
    """The bill of a package as JSON; the same package, built with the same libraries, gives the same text.

    Raises:
        NotAPackageError: If the folder is none.
        TamperedError: If a file has not its digest.
    """
    package = PolicyPackage.read(folder / PACKAGE_FILE)
    check_files(folder, package)
    digest = manifest_digest(folder)
    bom = Bom(serial_number=uuid.uuid5(NAMESPACE, digest))
    bom.metadata.timestamp = EPOCH
    bom.metadata.tools.components.clear()
    facts = {"dataset": package.dataset or "none", "run": package.run_id, "commit": package.commit, "oci": digest}
    bom.metadata.component = Component(
        name=package.name,
        version=digest,
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref=digest,
        licenses=_licences(next((each.licence for each in package.licences if each.part == "policy"), None)),
        properties=[Property(name=f"physai:{name}", value=value) for name, value in facts.items()],
    )
    files = [
        Component(
            name=name,
            type=ComponentType.MACHINE_LEARNING_MODEL if name == GRAPH_FILE else ComponentType.FILE,
            bom_ref=name,
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=found.removeprefix("sha256:"))],
        )
        for name, found in sorted(package.files.items())
    ]
    libraries = [_library(name) for name in BUILT_WITH if _version(name)]
    bom.components.update([*files, *libraries])
    bom.register_dependency(bom.metadata.component, [*files, *libraries])
    return JsonV1Dot6(bom).output_as_string(indent=1)


def attach_sbom(folder: Path, registry: Registry) -> Digest:
    """Attach the bill of a package to it, in a registry where the package is; again, it changes nothing.

    Returns:
        Digest of what was attached.

    Raises:
        UnknownReferenceError: If the package is not there.
    """
    content = make_sbom(folder).encode()
    layer = Descriptor(
        media_type=SBOM_TYPE, digest=digest_bytes(content), size=len(content), annotations={TITLE: SBOM_FILE}
    )
    return registry.attach(registry.resolve(manifest_digest(folder)), SBOM_TYPE, [(layer, content)])


def check_sbom(folder: Path, registry: Registry) -> None:
    """Check that a bill is attached to a package, and that each names its very files.

    Raises:
        SbomError: If there is none, or one that is not of this package.
    """
    package, digest = PolicyPackage.read(folder / PACKAGE_FILE), manifest_digest(folder)
    blobs = registry.attached(digest, SBOM_TYPE)
    if not blobs:
        raise SbomError(registry.name, digest, "has no bill of materials")
    for blob in blobs:
        if (named := _files_of(registry.get_bytes(blob))) != package.files:
            other = sorted(name for name, _ in named.items() ^ package.files.items())
            why = f"'{other[0]}' is not as its bill says" if named else "its bill is not in CycloneDX, or names no file"
            raise SbomError(registry.name, digest, why)


def _files_of(bill: bytes) -> dict[str, Digest]:
    """Name → digest of the files that a bill names."""
    try:
        components = json.loads(bill)["components"]
        hashes = {each["name"]: each["hashes"][0]["content"] for each in components if each.get("hashes")}
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return {}
    return {name: f"sha256:{content}" for name, content in hashes.items()}


def _library(name: str) -> Component:
    found = _version(name)
    return Component(
        name=name,
        version=found,
        type=ComponentType.LIBRARY,
        bom_ref=f"pypi:{name}",
        licenses=_licences(of_distribution(name)),
        purl=PackageURL("pypi", None, name, found),
    )


def _licences(expression: str | None) -> list[License]:
    """A licence as CycloneDX writes it; where none is stated, it writes none."""
    return [] if expression in (None, UNSTATED) else [LicenseFactory().make_from_string(str(expression))]


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
