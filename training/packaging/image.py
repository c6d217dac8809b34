"""A package as a container image from scratch: a Triton model repository that a pod mounts beside its server.

Kubernetes mounts such an image as a volume (`volumes[].image`), KServe as a modelcar; `COPY --from` copies it.
Source: github.com/opencontainers/image-spec v1.1, config.md and layer.md; kubernetes.io/docs, "Image Volumes".
"""

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

from physai.infrastructure.aside import whole_folder
from physai.infrastructure.contracts import Digest, PolicyPackage, digest_bytes
from physai.infrastructure.registry import manifest_digest
from physai.infrastructure.registry.manifest import INDEX_TYPE, MANIFEST_TYPE, PACKAGE_FILE
from physai.infrastructure.registry.verify import GOLDEN_FILE, GRAPH_FILE, verify_package

from .sbom import SBOM_FILE, make_sbom
from .triton import config

CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
ARCHITECTURES = ("amd64", "arm64")
TRITON_FILE = "config.pbtxt"


def write_image(folder: Path, output: Path, architecture: str = "amd64") -> Digest:
    """Write an image in OCI layout; the same package gives the same bytes.

    The image holds `/models/<name>/config.pbtxt`, `/models/<name>/1/policy.onnx` and, beside them, the contract, the
    golden vectors and the bill of materials.

    Args:
        folder: Of the package, which is verified first.
        output: Where the layout appears; `skopeo copy oci:OUTPUT docker://HOST/NAME` pushes it.
        architecture: Of the image.

    Returns:
        Digest of the image's manifest.

    Raises:
        RegistryError: If the package is damaged.
        OccupiedError: If something is at `output`.
    """
    package, digest = verify_package(folder), manifest_digest(folder)
    layer = _tar(_contents(folder, package))
    labels = {"physai.package": digest, "physai.task": package.task, "physai.robot": package.robot}
    image: dict[str, Any] = {
        "architecture": architecture,
        "os": "linux",
        "config": {"Labels": labels},
        "rootfs": {"type": "layers", "diff_ids": [digest_bytes(layer)]},
    }
    with whole_folder(output) as part:
        blobs = part / "blobs/sha256"
        blobs.mkdir(parents=True)
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": _put(blobs, CONFIG_TYPE, _json(image)),
            "layers": [_put(blobs, LAYER_TYPE, layer)],
            "annotations": {"org.opencontainers.image.title": package.name, "physai.package": digest},
        }
        entry = _put(blobs, MANIFEST_TYPE, _json(manifest))
        index = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [entry]}
        (part / "index.json").write_bytes(_json(index))
        (part / "oci-layout").write_bytes(_json({"imageLayoutVersion": "1.0.0"}))
    return str(entry["digest"])


def _contents(folder: Path, package: PolicyPackage) -> dict[str, bytes]:
    """Path in the image → bytes."""
    root = f"models/{package.name}"
    return {
        f"{root}/{TRITON_FILE}": config(package).encode(),
        f"{root}/1/{GRAPH_FILE}": (folder / GRAPH_FILE).read_bytes(),
        f"{root}/{GOLDEN_FILE}": (folder / GOLDEN_FILE).read_bytes(),
        f"{root}/{PACKAGE_FILE}": (folder / PACKAGE_FILE).read_bytes(),
        f"{root}/{SBOM_FILE}": make_sbom(folder).encode(),
    }


def _tar(contents: dict[str, bytes]) -> bytes:
    """A layer without the time, owner and order of the machine that writes it."""
    folders = {str(parent) for name in contents for parent in Path(name).parents} - {"."}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in sorted([*folders, *contents]):
            entry = tarfile.TarInfo(name)
            entry.mode, entry.mtime = (0o755, 0) if name in folders else (0o644, 0)
            entry.type = tarfile.DIRTYPE if name in folders else tarfile.REGTYPE
            entry.size = len(contents.get(name, b""))
            tar.addfile(entry, io.BytesIO(contents.get(name, b"")))
    return buffer.getvalue()


def _put(blobs: Path, media_type: str, content: bytes) -> dict[str, Any]:
    name = hashlib.sha256(content).hexdigest()
    (blobs / name).write_bytes(content)
    return {"mediaType": media_type, "digest": f"sha256:{name}", "size": len(content)}


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
