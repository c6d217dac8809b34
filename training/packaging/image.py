"""A package as a container image: a Triton model repository, alone or upon the server that is to run it.

Alone it is mounted beside a server: Kubernetes mounts such an image as a volume (`volumes[].image`), KServe as a
modelcar; `COPY --from` copies it. Source: kubernetes.io/docs, "Image Volumes".
"""

import re
from pathlib import Path
from typing import Literal

from physai.infrastructure.aside import whole_folder
from physai.infrastructure.contracts import Digest, Document, PolicyPackage
from physai.infrastructure.registry import manifest_digest
from physai.infrastructure.registry.manifest import PACKAGE_FILE
from physai.infrastructure.registry.verify import GOLDEN_FILE, GRAPH_FILE, verify_package

from ..errors import PackageNameError, RecipeError
from .oci import Image, read_base, write_layout
from .sbom import SBOM_FILE, make_sbom
from .triton import TRITON_FILE, config
from .variants import ENTRY_POINT, MODELS, PORTS, USER, VARIANTS, Architecture, Name, build_commands, containerfile

BUILD_FILE = "Containerfile"
NAME = re.compile(r"[A-Za-z0-9][\w.-]*", re.ASCII)
"""Of a model, and so of its folder."""


class BuildContext(Document):
    """A folder from which an inference image is built where its base can be pulled."""

    kind: Literal["image-build-context"] = "image-build-context"
    version: Literal[1] = 1
    variant: Name
    package: Digest
    base: str
    architecture: Architecture
    commands: dict[str, str]
    """Who can build it → command line."""


def write_image(
    folder: Path,
    output: Path,
    architecture: Architecture | None = None,
    *,
    variant: Name = "scratch",
    base: Path | None = None,
) -> Digest:
    """Write an image in OCI layout; the same package gives the same bytes.

    The image holds `/models/<name>/config.pbtxt`, `/models/<name>/1/policy.onnx` and, beside them, the contract, the
    golden vectors and the bill of materials; upon a base it starts Triton with them.

    Args:
        folder: Of the package, which is verified first.
        output: Where the layout appears.
        architecture: Of the image; default: the variant's usual one.
        variant: What the image is to run on.
        base: The variant's base in OCI layout; the variant `scratch` has none.

    Returns:
        Digest of the image's manifest.

    Raises:
        RegistryError: If the package is damaged.
        PackageNameError: If its name cannot be that of a folder.
        BaseImageError: If the base is none, or for another architecture.
        RecipeError: If the variant is not for this architecture.
        OccupiedError: If something is at `output`.
    """
    machine = _architecture(variant, architecture)
    package, digest = verify_package(folder), manifest_digest(folder)
    below = read_base(base, machine) if base else None
    started = {"Entrypoint": list(ENTRY_POINT), "Cmd": [], "User": USER, "ExposedPorts": {port: {} for port in PORTS}}
    image = Image(
        machine,
        {"Labels": _labels(package, digest), **(started if below else {})},
        {"org.opencontainers.image.title": package.name, "physai.package": digest},
    )
    with whole_folder(output) as part:
        return write_layout(part, image, _contents(folder, package, variant), below)


def write_context(
    folder: Path,
    output: Path,
    variant: Name,
    architecture: Architecture | None = None,
    *,
    tag: str | None = None,
    base_image: str | None = None,
) -> BuildContext:
    """Write what `buildah build` or `az acr build` take: the build description and the model repository.

    Args:
        folder: Of the package, which is verified first.
        output: Where the context appears.
        variant: With a base.
        architecture: Of the image; default: the variant's usual one.
        tag: Of the image that will be built; default: the package's name and digest.
        base_image: Another place or a digest of the variant's base.

    Raises:
        RegistryError: If the package is damaged.
        PackageNameError: If its name cannot be that of a folder.
        RecipeError: If the variant is not for this architecture.
        OccupiedError: If something is at `output`.
    """
    machine = _architecture(variant, architecture)
    package, digest = verify_package(folder), manifest_digest(folder)
    base = base_image or VARIANTS[variant].base
    assert base is not None, "whoever asks for a context has a variant with a base"
    with whole_folder(output) as part:
        for name, content in _contents(folder, package, variant).items():
            (part / name).parent.mkdir(parents=True, exist_ok=True)
            (part / name).write_bytes(content)
        (part / BUILD_FILE).write_text(containerfile(base, _labels(package, digest)))
    named = tag or f"localhost/{package.name}:{digest.removeprefix('sha256:')[:12]}-{variant}"
    commands = build_commands(str(output), named, machine)
    return BuildContext(variant=variant, package=digest, base=base, architecture=machine, commands=commands)


def _architecture(variant: Name, wanted: Architecture | None) -> Architecture:
    known = VARIANTS[variant].architectures
    if wanted and wanted not in known:
        raise RecipeError("architecture", f"the variant '{variant}' is for {' or '.join(known)}, not for {wanted}")
    return wanted or known[0]


def _labels(package: PolicyPackage, digest: Digest) -> dict[str, str]:
    return {"physai.package": digest, "physai.task": package.task, "physai.robot": package.robot}


def _contents(folder: Path, package: PolicyPackage, variant: Name) -> dict[str, bytes]:
    """Path in the image → bytes."""
    if not NAME.fullmatch(package.name):
        raise PackageNameError(folder, package.name)
    root = f"{MODELS.strip('/')}/{package.name}"
    return {
        f"{root}/{TRITON_FILE}": config(package, VARIANTS[variant].kind).encode(),
        f"{root}/1/{GRAPH_FILE}": (folder / GRAPH_FILE).read_bytes(),
        f"{root}/{GOLDEN_FILE}": (folder / GOLDEN_FILE).read_bytes(),
        f"{root}/{PACKAGE_FILE}": (folder / PACKAGE_FILE).read_bytes(),
        f"{root}/{SBOM_FILE}": make_sbom(folder).encode(),
    }
