"""What is attached to a package in a registry, e.g. a signature or a bill of materials: a manifest with a subject.

Source: github.com/opencontainers/distribution-spec v1.1, spec.md, "Listing Referrers", "Referrers Tag Schema".
"""

from collections.abc import Iterable
from typing import Literal

from pydantic import ValidationError

from ..contracts import Contract, Digest, digest_bytes
from .errors import RegistryError, TamperedError
from .manifest import INDEX_TYPE, MANIFEST_TYPE, Descriptor, OciModel, canonical


class ReferrersError(RegistryError):
    """What a registry says is attached to a package cannot be read."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"{where}: {why}. Attach it again: `physai registry sign`, `physai training package sbom`.")


class Referrer(OciModel, extra="allow"):
    """One line in the list of what is attached to a manifest; its other fields are kept as they are."""

    media_type: str = MANIFEST_TYPE
    digest: Digest
    size: int
    """In bytes."""
    artifact_type: str = ""
    annotations: dict[str, str] = {}


class Attached(Contract):
    """What is attached to a package, and of which type it is."""

    digest: Digest
    artifact_type: str


class Attachments(Contract):
    """Everything that is attached to one package."""

    subject: Digest
    attached: tuple[Attached, ...]


class Attachment(OciModel):
    """The manifest of what is attached."""

    schema_version: Literal[2] = 2
    media_type: Literal["application/vnd.oci.image.manifest.v1+json"] = MANIFEST_TYPE
    artifact_type: str = ""
    config: Descriptor
    layers: tuple[Descriptor, ...]
    subject: Descriptor
    annotations: dict[str, str] = {}

    @property
    def referrer(self) -> Referrer:
        """Its line in the list."""
        raw = canonical(self)
        kind = self.artifact_type or self.config.media_type
        return Referrer(digest=digest_bytes(raw), size=len(raw), artifact_type=kind, annotations=self.annotations)


class ReferrerIndex(OciModel):
    """The list, as the API and the tag of registries without it give it."""

    schema_version: Literal[2] = 2
    media_type: Literal["application/vnd.oci.image.index.v1+json"] = INDEX_TYPE
    manifests: tuple[Referrer, ...] = ()


def read_index(where: str, raw: bytes) -> tuple[Referrer, ...]:
    """The lines of a list.

    Raises:
        ReferrersError: If it is none.
    """
    try:
        return ReferrerIndex.model_validate_json(raw).manifests
    except ValidationError as error:
        raise ReferrersError(where, "its list of referrers is none") from error


def with_line(lines: Iterable[Referrer], added: Referrer) -> bytes:
    """The list with one more line, which is there once however often it is added."""
    kept = {line.digest: line for line in lines}
    return canonical(ReferrerIndex(manifests=tuple((kept | {added.digest: added}).values())))


def read_attachment(where: str, raw: bytes, line: Referrer, subject: Digest) -> Attachment:
    """The manifest that a line names.

    Raises:
        TamperedError: If it has not the digest of its line.
        ReferrersError: If it is no such manifest, or is attached to something else.
    """
    if (got := digest_bytes(raw)) != line.digest:
        raise TamperedError(where, line.digest, got)
    try:
        attachment = Attachment.model_validate_json(raw)
    except ValidationError as error:
        raise ReferrersError(where, f"{line.digest} is no manifest with a subject") from error
    if attachment.subject.digest != subject:
        raise ReferrersError(where, f"{line.digest} belongs to {attachment.subject.digest}, not to {subject}")
    return attachment
