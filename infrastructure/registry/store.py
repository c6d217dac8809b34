"""What every registry does, wherever its blobs lie: push a folder, pull it whole and verified, tell what is there."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from ..aside import OccupiedError, whole_folder
from ..contracts import Contract, ContractError, Digest, PolicyPackage, digest_bytes, digest_file
from ..errors import MissingFileError
from .errors import NotAnImageError, NotAPackageError, TamperedError, TargetExistsError, writing
from .manifest import (
    EMPTY,
    EMPTY_CONFIG,
    MANIFEST_TYPE,
    PACKAGE_FILE,
    Descriptor,
    Manifest,
    canonical,
    describe,
    manifest_digest,
)
from .referrers import Attachment, Referrer, read_attachment
from .tags import signature_tag
from .verify import check_files

type Blob = tuple[Descriptor, bytes]

SMALL = 1 << 20  # bytes; a signature's payload is a few hundred


class Entry(Contract):
    """One artifact of a registry."""

    digest: Digest
    tags: tuple[str, ...] = ()


class Artifact(Contract):
    """One policy package as it lies in a registry."""

    digest: Digest
    tags: tuple[str, ...]
    files: dict[str, int]
    """Name → bytes."""
    package: PolicyPackage


class Registry(ABC):
    """A place for policy packages, by digest. A tag is a movable name of a digest."""

    name: str
    """As it is written in errors and settings."""

    def push(self, folder: Path, tag: str | None = None) -> Digest:
        """Store a package folder; what is there already is not stored again.

        Raises:
            NotAPackageError: If the folder is none, or its files are not those that `package.json` lists.
        """
        manifest = describe(folder)
        check_files(folder, PolicyPackage.read(folder / PACKAGE_FILE))
        for layer in manifest.layers:
            self._put_file(layer, folder / layer.title)
        self._put_bytes(EMPTY_CONFIG, EMPTY)
        return self._put_manifest(manifest.raw, tag)

    def push_image(self, layout: Path, tag: str | None = None) -> Digest:
        """Store the one image of a folder in OCI layout, e.g. a container with a package in it.

        Raises:
            NotAnImageError: If the folder holds no image.
            TamperedError: If a blob has not its digest.
        """
        try:
            (entry,) = json.loads((layout / "index.json").read_bytes())["manifests"]
            raw = _blob(layout, entry["digest"]).read_bytes()
            found = json.loads(raw)
            blobs = [Descriptor.model_validate(each) for each in (found["config"], *found["layers"])]
            for blob in blobs:
                self._put_file(blob, _blob(layout, blob.digest))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise NotAnImageError(layout, error) from error
        return self._put_manifest(raw, tag)

    def pull(self, reference: str, target: Path) -> Path:
        """Fetch a package by digest or tag. `target` appears whole, with every byte verified, or not at all.

        A pull that was cut off goes on where it stopped.

        Raises:
            UnknownReferenceError: If there is no such artifact.
            TamperedError: If bytes do not match their digest.
            TargetExistsError: If another folder is in the way.
        """
        digest = self.resolve(reference)
        manifest = Manifest.parse(f"{self.name} manifest {digest}", self._get_manifest(digest), digest)
        with (
            writing(target),
            suppress(OccupiedError),
            whole_folder(target, mark=digest[7:19], keep=True, wait=True) as part,
        ):
            self._fill(part, manifest)
        if not _is(target, digest):
            raise TargetExistsError(target, digest)
        return target

    def show(self, reference: str) -> Artifact:
        """What a package says of itself."""
        digest = self.resolve(reference)
        manifest = Manifest.parse(f"{self.name} manifest {digest}", self._get_manifest(digest), digest)
        layer = manifest.layer(PACKAGE_FILE)
        where = f"{self.name} {PACKAGE_FILE} of {digest}"
        raw = b"".join(self._get_blob(layer, 0))
        if (got := digest_bytes(raw)) != layer.digest:
            raise TamperedError(where, layer.digest, got)
        try:
            package = PolicyPackage.model_validate_json(raw)
        except ValidationError as error:
            raise ContractError(where, PolicyPackage, error) from error
        tags = tuple(sorted(tag for tag, tagged in self.tags().items() if tagged == digest))
        return Artifact(
            digest=digest, tags=tags, files={layer.title: layer.size for layer in manifest.layers}, package=package
        )

    def put_signatures(self, digest: Digest, blobs: Sequence[Blob], raw: bytes) -> None:
        """Store the manifest of a package's signatures, `raw`, and the blobs that it names, where cosign looks."""
        for blob, content in blobs:
            self._put_bytes(blob, content)
        self._put_signature_manifest(raw, signature_tag(digest))

    @abstractmethod
    def get_signatures(self, digest: Digest) -> bytes | None:
        """The manifest of a package's signatures, or None if nobody has signed it."""

    def attach(
        self,
        digest: Digest,
        artifact_type: str,
        layers: Sequence[Blob],
        config: Blob = (EMPTY_CONFIG, EMPTY),
        annotations: Mapping[str, str] | None = None,
    ) -> Digest:
        """Attach something to a package that is there; doing it again changes nothing.

        Two that attach to one package at once, in a registry without the referrers API, may lose one line of its list.

        Args:
            digest: Of the package.
            artifact_type: Of what is attached.
            layers: Each blob's descriptor and bytes.
            config: The same of its configuration.
            annotations: By which others tell it from what else is attached.

        Returns:
            Digest of what was attached.
        """
        for blob, content in (config, *layers):
            self._put_bytes(blob, content)
        subject = Descriptor(media_type=MANIFEST_TYPE, digest=digest, size=len(self._get_manifest(digest)))
        attachment = Attachment(
            artifact_type=artifact_type,
            config=config[0],
            layers=tuple(blob for blob, _ in layers),
            subject=subject,
            annotations=dict(annotations or {}),
        )
        self._put_attachment(canonical(attachment), digest, attachment.referrer)
        return attachment.referrer.digest

    @abstractmethod
    def referrers(self, digest: Digest) -> tuple[Referrer, ...]:
        """Everything that is attached to a package."""

    def attached(self, digest: Digest, artifact_type: str) -> tuple[Descriptor, ...]:
        """The blobs of everything of one type that is attached to a package; `get_bytes` reads them.

        Raises:
            ReferrersError: If the registry names something that is not attached to this very package.
            TamperedError: If bytes do not match their digest.
        """
        where = f"{self.name} referrers of {digest}"
        lines = [line for line in self.referrers(digest) if line.artifact_type == artifact_type]
        found = [read_attachment(where, self._get_manifest(line.digest), line, digest) for line in lines]
        return tuple(blob for attachment in found for blob in attachment.layers)

    def get_bytes(self, blob: Descriptor) -> bytes:
        """A small blob, verified.

        Raises:
            TamperedError: If its bytes are more than its size, or do not match its digest.
        """
        content = b""
        for block in self._get_blob(blob, 0):
            content += block
            if len(content) > min(blob.size, SMALL):
                raise TamperedError(f"{self.name} blob", blob.digest, f"more than {min(blob.size, SMALL)} bytes")
        if (got := digest_bytes(content)) != blob.digest:
            raise TamperedError(f"{self.name} blob", blob.digest, got)
        return content

    def _fill(self, folder: Path, manifest: Manifest) -> None:
        wanted = {folder / layer.title for layer in manifest.layers}
        for stray in [path for path in folder.rglob("*") if path.is_file() and path not in wanted]:
            stray.unlink()
        for layer in manifest.layers:
            path = folder / layer.title
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists() and not self._continue(layer, path):
                path.unlink()
            if not path.exists() and (got := self._continue_from(layer, path, 0)) != layer.digest:
                path.unlink()
                raise TamperedError(f"{self.name} blob of {layer.title}", layer.digest, got)

    def _continue(self, layer: Descriptor, path: Path) -> bool:
        """Complete what an earlier pull left; False if it cannot become the right file."""
        size = path.stat().st_size
        return size <= layer.size and self._continue_from(layer, path, size) == layer.digest

    def _continue_from(self, layer: Descriptor, path: Path, offset: int) -> Digest:
        """Append a blob's bytes from `offset` on; the digest of the whole file."""
        if offset == layer.size > 0:
            return digest_file(path)
        with path.open("ab") as file:
            received = offset
            for block in self._get_blob(layer, offset):
                received += len(block)
                if received > layer.size:
                    raise TamperedError(f"{self.name} blob of {layer.title}", f"{layer.size} bytes", "more")
                file.write(block)
        return digest_file(path)

    @abstractmethod
    def resolve(self, reference: str) -> Digest:
        """The digest of a digest or tag that is there.

        Raises:
            UnknownReferenceError: If it is not.
        """

    @abstractmethod
    def tags(self) -> dict[str, Digest]:
        """Tag → digest."""

    @abstractmethod
    def entries(self) -> tuple[Entry, ...]:
        """Every artifact that can be listed."""

    @abstractmethod
    def _put_file(self, blob: Descriptor, path: Path) -> None: ...

    @abstractmethod
    def _put_bytes(self, blob: Descriptor, content: bytes) -> None: ...

    @abstractmethod
    def _put_manifest(self, raw: bytes, tag: str | None) -> Digest: ...

    @abstractmethod
    def _put_signature_manifest(self, raw: bytes, tag: str) -> None: ...

    @abstractmethod
    def _put_attachment(self, raw: bytes, subject: Digest, line: Referrer) -> None: ...

    @abstractmethod
    def _get_manifest(self, digest: Digest) -> bytes: ...

    @abstractmethod
    def _get_blob(self, blob: Descriptor, offset: int) -> Iterator[bytes]:
        """The bytes of a blob from `offset` on."""


def _is(folder: Path, digest: Digest) -> bool:
    try:
        return manifest_digest(folder) == digest
    except (NotAPackageError, MissingFileError):
        return False


def _blob(layout: Path, digest: Digest) -> Path:
    """A blob of an OCI layout, with its digest checked."""
    path = layout / "blobs/sha256" / digest.removeprefix("sha256:")
    if (got := digest_file(path)) != digest:
        raise TamperedError(str(path), digest, got)
    return path
