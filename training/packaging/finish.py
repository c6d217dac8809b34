"""What every package has beside its graph and its golden vectors, written from what it says of itself."""

from pathlib import Path

from physai.infrastructure.contracts import PolicyPackage, digest_file
from physai.infrastructure.registry.manifest import PACKAGE_FILE
from physai.infrastructure.registry.verify import GOLDEN_FILE, GRAPH_FILE, verify_package

from .leapp import LEAPP_FILE, describe
from .triton import TRITON_FILE, config


def finish(folder: Path, package: PolicyPackage) -> PolicyPackage:
    """Describe a package for Triton and for LEAPP, list its files, write its contract, and verify it.

    Args:
        folder: With the graph and the golden vectors.
        package: What it says of itself, but for its files.

    Returns:
        The same with its files.

    Raises:
        RegistryError: If the package is not what it says.
    """
    (folder / TRITON_FILE).write_text(config(package))
    (folder / LEAPP_FILE).write_text(describe(package, folder / GRAPH_FILE))
    names = (TRITON_FILE, GOLDEN_FILE, LEAPP_FILE, GRAPH_FILE)
    whole = package.model_copy(update={"files": {name: digest_file(folder / name) for name in names}})
    whole.write(folder / PACKAGE_FILE)
    verify_package(folder)
    return whole
