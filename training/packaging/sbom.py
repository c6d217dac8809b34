"""The bill of materials of a package, in CycloneDX: its files, what it learned from, and what built it.

Source: cyclonedx.org/docs/1.6, `machine-learning-model` and `data` components.
"""

import uuid
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from physai.infrastructure.contracts import PolicyPackage
from physai.infrastructure.registry import manifest_digest
from physai.infrastructure.registry.manifest import PACKAGE_FILE
from physai.infrastructure.registry.verify import GRAPH_FILE, check_files

BUILT_WITH = ("torch", "lerobot", "onnx", "onnxscript", "onnxruntime")
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


def _library(name: str) -> Component:
    found = _version(name)
    return Component(
        name=name,
        version=found,
        type=ComponentType.LIBRARY,
        bom_ref=f"pypi:{name}",
        purl=PackageURL("pypi", None, name, found),
    )


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
