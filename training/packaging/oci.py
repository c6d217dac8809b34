"""Images in OCI layout: written from scratch, or upon a base that lies in OCI layout too.

Source: github.com/opencontainers/image-spec v1.1, config.md, layer.md and image-layout.md.
"""

import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from physai.infrastructure.contracts import Digest, digest_bytes, digest_file
from physai.infrastructure.errors import one_line
from physai.infrastructure.registry.manifest import INDEX_TYPE, MANIFEST_TYPE

from ..errors import BaseImageError

CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
BLOBS = Path("blobs/sha256")


class Image(NamedTuple):
    """What an image is made of beside its layers."""

    architecture: str
    config: dict[str, Any]
    """As `docker inspect` shows it: `Entrypoint`, `Env`, `Labels`, …"""
    annotations: dict[str, str]


class Base(NamedTuple):
    """An image to stand on."""

    layout: Path
    image: dict[str, Any]
    layers: list[dict[str, Any]]


def write_layout(part: Path, image: Image, contents: Mapping[str, bytes], base: Base | None = None) -> Digest:
    """Fill an empty folder with one image; the same image gives the same bytes.

    Args:
        part: The folder.
        image: Its configuration; that of a base stays where it says nothing.
        contents: Path in the image → bytes, in one layer over those of the base.
        base: What it stands on.

    Returns:
        Digest of the manifest.
    """
    (part / BLOBS).mkdir(parents=True)
    layer = _tar(contents)
    below: dict[str, Any] = base.image if base else {}
    layers = base.layers if base else []
    for each in layers:
        assert base is not None
        shutil.copy(base.layout / BLOBS / each["digest"].removeprefix("sha256:"), part / BLOBS)
    settled = {**below.get("config", {}), **image.config}
    if inherited := below.get("config", {}).get("Labels"):
        settled["Labels"] = {**inherited, **image.config.get("Labels", {})}
    config = {
        "architecture": image.architecture,
        "os": "linux",
        "config": settled,
        "rootfs": {"type": "layers", "diff_ids": [*below.get("rootfs", {}).get("diff_ids", []), digest_bytes(layer)]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": _put(part, CONFIG_TYPE, _json(config)),
        "layers": [*layers, _put(part, LAYER_TYPE, layer)],
        "annotations": image.annotations,
    }
    entry = _put(part, MANIFEST_TYPE, _json(manifest))
    (part / "index.json").write_bytes(_json({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [entry]}))
    (part / "oci-layout").write_bytes(_json({"imageLayoutVersion": "1.0.0"}))
    return str(entry["digest"])


def read_base(layout: Path, architecture: str) -> Base:
    """An image that lies in OCI layout, as `skopeo copy docker://IMAGE oci:FOLDER` leaves it; every blob is checked.

    Raises:
        BaseImageError: If there is none, of this architecture, with every blob as its digest says.
    """
    try:
        entries = json.loads((layout / "index.json").read_bytes())["manifests"]
        manifests = [each for each in entries if each["mediaType"] == MANIFEST_TYPE]
        if len(manifests) != 1:
            raise BaseImageError(layout, f"holds {len(manifests)} images, wanted is one")
        manifest = json.loads(_blob(layout, manifests[0]["digest"]).read_bytes())
        image = json.loads(_blob(layout, manifest["config"]["digest"]).read_bytes())
        layers = list(manifest["layers"])
        found, told = image["architecture"], len(image["rootfs"]["diff_ids"])
        for layer in layers:
            _blob(layout, layer["digest"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BaseImageError(layout, f"is no image in OCI layout ({one_line(error, 120)})") from error
    if found != architecture:
        raise BaseImageError(layout, f"is for {found}, wanted is {architecture}")
    if len(layers) != told:
        raise BaseImageError(layout, "does not tell the digest of each of its layers")
    return Base(layout, image, layers)


def _blob(layout: Path, digest: str) -> Path:
    path = layout / BLOBS / digest.removeprefix("sha256:")
    if digest_file(path) != digest:
        raise BaseImageError(layout, f"its blob {digest[:19]}… is damaged")
    return path


def _tar(contents: Mapping[str, bytes]) -> bytes:
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


def _put(part: Path, media_type: str, content: bytes) -> dict[str, Any]:
    name = hashlib.sha256(content).hexdigest()
    (part / BLOBS / name).write_bytes(content)
    return {"mediaType": media_type, "digest": f"sha256:{name}", "size": len(content)}


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
