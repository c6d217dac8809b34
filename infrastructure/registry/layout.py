"""A registry in a folder, in OCI image layout, as skopeo, oras and crane read it too.

Source: github.com/opencontainers/image-spec v1.1, image-layout.md.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, override

from pydantic import ValidationError

from ..aside import is_aside, locked, whole_file, write_whole
from ..contracts import Digest, digest_bytes, digest_file
from .errors import ForeignLayoutError, TamperedError, UnknownReferenceError, writing
from .manifest import ARTIFACT_TYPE, INDEX_TYPE, MANIFEST_TYPE, Descriptor, OciModel
from .referrers import Referrer
from .store import Entry, Registry
from .tags import check_tag, is_attached_tag, is_digest, signature_tag

REF_NAME = "org.opencontainers.image.ref.name"
LAYOUT_VERSION = "1.0.0"
BLOCK = 1 << 20  # bytes


class Indexed(OciModel):
    """One line of `index.json`; its other fields are kept as they are."""

    media_type: str
    digest: str
    size: int = 0
    artifact_type: str = ""
    annotations: dict[str, str] = {}

    @property
    def is_package(self) -> bool:
        """Whether this may be a package, rather than what is attached to one."""
        return self.artifact_type in {"", ARTIFACT_TYPE} and not is_attached_tag(self.annotations.get(REF_NAME, ""))


class OciLayout(Registry):
    """Policy packages in a folder. Any number of processes may push to it and pull from it at once."""

    def __init__(self, root: Path) -> None:
        """Open a folder, or prepare to create it at the first push.

        Raises:
            ForeignLayoutError: If something else is there.
        """
        self.root = root
        self.name = str(root)
        if root.exists() and (not root.is_dir() or any(not _ours(path) for path in root.iterdir())):
            self._check_version()

    @override
    def resolve(self, reference: str) -> Digest:
        tags = self.tags()
        known = {entry.digest for entry in self.entries()}
        digest = tags.get(reference, reference)
        if digest not in known:
            raise UnknownReferenceError(self.name, reference, [*sorted(tags), *sorted(known)])
        return digest

    @override
    def tags(self) -> dict[str, Digest]:
        return {tag: entry.digest for entry in self.entries() for tag in entry.tags}

    @override
    def entries(self) -> tuple[Entry, ...]:
        found: dict[str, list[str]] = {}
        for line in self._index():
            if not is_digest(line.digest) or not line.is_package:
                continue
            tags = found.setdefault(line.digest, [])
            if REF_NAME in line.annotations:
                tags.append(line.annotations[REF_NAME])
        return tuple(Entry(digest=digest, tags=tuple(sorted(tags))) for digest, tags in found.items())

    def _index(self) -> list[Indexed]:
        return [Indexed.model_validate(line) for line in self._raw_index()["manifests"]]

    def _raw_index(self) -> dict[str, Any]:
        try:
            index = json.loads((self.root / "index.json").read_bytes())
            for line in index["manifests"]:
                Indexed.model_validate(line)
        except FileNotFoundError:
            return {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": []}
        except (ValueError, TypeError, KeyError, ValidationError) as error:
            raise ForeignLayoutError(self.root, "index.json is not an OCI image index") from error
        assert isinstance(index, dict)
        return index

    def _check_version(self) -> None:
        try:
            version = json.loads((self.root / "oci-layout").read_bytes())["imageLayoutVersion"]
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ForeignLayoutError(self.root, "no oci-layout file that tells its version") from error
        if version != LAYOUT_VERSION:
            raise ForeignLayoutError(self.root, f"version '{version}' is not {LAYOUT_VERSION}")
        self._raw_index()

    def _blob(self, digest: Digest) -> Path:
        return self.root / "blobs" / "sha256" / digest.removeprefix("sha256:")

    @override
    def _put_file(self, blob: Descriptor, path: Path) -> None:
        target = self._blob(blob.digest)
        with writing(target):
            if target.exists() and digest_file(target) == blob.digest:
                return
            with whole_file(target) as part:
                shutil.copyfile(path, part)
                if (got := digest_file(part)) != blob.digest:
                    raise TamperedError(path, blob.digest, got)

    @override
    def _put_bytes(self, blob: Descriptor, content: bytes) -> None:
        target = self._blob(blob.digest)
        with writing(target):
            if not target.exists() or digest_file(target) != blob.digest:
                write_whole(target, content)

    @override
    def _put_manifest(self, raw: bytes, tag: str | None) -> Digest:
        if tag is not None:
            check_tag(tag)
        return self._put_indexed(raw, tag, {"artifactType": ARTIFACT_TYPE})

    @override
    def _put_signature_manifest(self, raw: bytes, tag: str) -> None:
        self._put_indexed(raw, tag, {})

    @override
    def get_signatures(self, digest: Digest) -> bytes | None:
        tag = signature_tag(digest)
        found = [line.digest for line in self._index() if line.annotations.get(REF_NAME) == tag]
        return self._read(found[0]) if found else None

    @override
    def referrers(self, digest: Digest) -> tuple[Referrer, ...]:
        lines = [line for line in self._index() if line.artifact_type and not line.is_package]
        told = [(line, json.loads(self._read(line.digest))) for line in lines]
        return tuple(
            Referrer(
                digest=line.digest,
                size=line.size,
                artifact_type=line.artifact_type,
                annotations=manifest.get("annotations", {}),
            )
            for line, manifest in told
            if manifest.get("subject", {}).get("digest") == digest
        )

    @override
    def _put_attachment(self, raw: bytes, subject: Digest, line: Referrer) -> None:
        self._put_indexed(raw, None, {"artifactType": line.artifact_type})

    def _put_indexed(self, raw: bytes, tag: str | None, fields: dict[str, str]) -> Digest:
        blob = Descriptor(media_type=MANIFEST_TYPE, digest=digest_bytes(raw), size=len(raw))
        self._put_bytes(blob, raw)
        with writing(self.root), locked(self.root / ".lock"):
            if not (self.root / "oci-layout").exists():
                write_whole(self.root / "oci-layout", json.dumps({"imageLayoutVersion": LAYOUT_VERSION}).encode())
            self._enter(blob, tag, fields)
        return blob.digest

    def _enter(self, blob: Descriptor, tag: str | None, fields: dict[str, str]) -> None:
        """Name the manifest in the index, and move the tag to it; the lock is held."""
        index = self._raw_index()
        before = json.dumps(index)
        lines = index["manifests"]
        if tag is not None:
            for line in lines:
                if line.get("annotations", {}).get(REF_NAME) == tag and line["digest"] != blob.digest:
                    line["annotations"] = {k: v for k, v in line["annotations"].items() if k != REF_NAME}
        line = {"mediaType": MANIFEST_TYPE, **fields, "digest": blob.digest, "size": blob.size}
        own = [entry.get("annotations", {}).get(REF_NAME) for entry in lines if entry["digest"] == blob.digest]
        if tag is not None and tag not in own:
            lines.append({**line, "annotations": {REF_NAME: tag}})
        elif not own:
            lines.append(line)
        index["manifests"] = _without_repeats(lines)
        if json.dumps(index) != before:
            write_whole(self.root / "index.json", json.dumps(index, indent=1).encode())

    @override
    def _get_manifest(self, digest: Digest) -> bytes:
        return self._read(digest)

    def _read(self, digest: Digest) -> bytes:
        try:
            return self._blob(digest).read_bytes()
        except FileNotFoundError as error:
            raise TamperedError(self._blob(digest), digest, "nothing") from error

    @override
    def _get_blob(self, blob: Descriptor, offset: int) -> Iterator[bytes]:
        try:
            with self._blob(blob.digest).open("rb") as file:
                file.seek(offset)
                while block := file.read(BLOCK):
                    yield block
        except FileNotFoundError as error:
            raise TamperedError(self._blob(blob.digest), blob.digest, "nothing") from error


def _ours(path: Path) -> bool:
    """Whether a push that was cut off before its end may have left this in an empty folder."""
    return path.name in {".lock", "blobs"} or is_aside(path.name)


def _without_repeats(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out an untagged line whose digest has another line."""

    def tagged(line: dict[str, Any]) -> bool:
        return REF_NAME in line.get("annotations", {})

    digests = {line["digest"] for line in lines if tagged(line)}
    kept: dict[str, dict[str, Any]] = {}
    for line in lines:
        if not line.get("annotations", True):
            del line["annotations"]
        if not tagged(line) and line["digest"] in digests:
            continue
        kept.setdefault(json.dumps(line, sort_keys=True), line)
    return list(kept.values())
