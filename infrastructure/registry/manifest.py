"""The OCI manifest of a policy package: the same folder always gives the same bytes, and so the same digest.

Source: github.com/opencontainers/image-spec v1.1, manifest.md, "Guidelines for Artifact Usage".
"""

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from ..contracts import Digest, digest_bytes, digest_file
from ..errors import MissingFileError
from .errors import NotAPackageError, TamperedError

ARTIFACT_TYPE: Final = "application/vnd.physai.policy-package.v1"
MANIFEST_TYPE: Final = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE: Final = "application/vnd.oci.image.index.v1+json"
EMPTY = b"{}"
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
TITLE = "org.opencontainers.image.title"
PACKAGE_FILE = "package.json"

MEDIA_TYPES: Mapping[str, str] = {
    ".json": "application/json",
    ".npz": "application/zip",
    ".onnx": "application/vnd.onnx",
    ".pbtxt": "text/plain",
}


def _check_title(annotations: dict[str, str]) -> dict[str, str]:
    """Refuse a file name that would leave the folder it is pulled into."""
    if (title := annotations.get(TITLE)) is not None:
        path = PurePosixPath(title)
        if path.is_absolute() or ".." in path.parts or str(path) != title or title == "." or "\0" in title:
            raise ValueError(f"file name '{title}' is not a plain relative path")
    return annotations


class OciModel(BaseModel):
    """A structure of the OCI specification; fields that we do not use are passed over."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, validate_by_name=True)


def canonical(model: OciModel) -> bytes:
    """Canonical bytes of a structure: keys sorted, no white space, nothing that is empty."""
    fields = _without_empty(model.model_dump(by_alias=True))
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_empty(each) for key, each in value.items() if each not in ({}, "")}
    return [_without_empty(each) for each in value] if isinstance(value, (list, tuple)) else value


class Descriptor(OciModel):
    """What a blob is, and by which digest it is found."""

    media_type: str
    digest: Digest
    size: int = Field(ge=0)
    """In bytes."""
    annotations: Annotated[dict[str, str], AfterValidator(_check_title)] = {}

    @property
    def title(self) -> str:
        """Name of the file, relative to the package."""
        return self.annotations[TITLE]


class Manifest(OciModel):
    """The list of a package's files. Its digest is the package's digest."""

    schema_version: Literal[2] = 2
    media_type: Literal["application/vnd.oci.image.manifest.v1+json"] = MANIFEST_TYPE
    artifact_type: Literal["application/vnd.physai.policy-package.v1"] = ARTIFACT_TYPE
    config: Descriptor
    layers: tuple[Descriptor, ...]

    @property
    def raw(self) -> bytes:
        """Its canonical bytes."""
        return canonical(self)

    @classmethod
    def parse(cls, where: Path | str, raw: bytes, digest: Digest) -> Self:
        """Read a manifest whose digest is known.

        Raises:
            TamperedError: If the bytes do not have that digest.
            NotAPackageError: If they are some other manifest.
        """
        if (got := digest_bytes(raw)) != digest:
            raise TamperedError(where, digest, got)
        try:
            manifest = cls.model_validate_json(raw)
        except ValidationError as error:
            first = error.errors()[0]
            raise NotAPackageError(where, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
        manifest.check_names(where)
        return manifest

    def check_names(self, where: Path | str) -> None:
        """Refuse files without a name, with one name, or without a `package.json` among them."""
        untitled = [layer.digest for layer in self.layers if TITLE not in layer.annotations]
        if untitled:
            raise NotAPackageError(where, f"layer {untitled[0]} has no file name")
        titles = [PurePosixPath(layer.title) for layer in self.layers]
        folders = {folder for title in titles for folder in title.parents}
        if len(set(titles)) < len(titles) or folders & set(titles):
            raise NotAPackageError(where, "two files have the same name")
        if PurePosixPath(PACKAGE_FILE) not in titles:
            raise NotAPackageError(where, f"no {PACKAGE_FILE}")

    def layer(self, title: str) -> Descriptor:
        """The descriptor of one file."""
        return next(layer for layer in self.layers if layer.title == title)


EMPTY_CONFIG = Descriptor(media_type=EMPTY_TYPE, digest=digest_bytes(EMPTY), size=len(EMPTY))


def describe(folder: Path) -> Manifest:
    """The manifest of a package folder: one layer per file, in order of name.

    Raises:
        MissingFileError: If there is no such folder.
        NotAPackageError: If it has no `package.json`, or something that is no plain file.
    """
    if not folder.is_dir():
        raise MissingFileError(folder, "policy package", "Check the path, or build it with `physai training package`.")
    manifest = Manifest(config=EMPTY_CONFIG, layers=tuple(_layer(folder, path) for path in _files(folder)))
    manifest.check_names(folder)
    return manifest


def _files(folder: Path) -> list[Path]:
    entries = sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix())
    for path in entries:
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise NotAPackageError(folder, f"'{path.relative_to(folder)}' is no plain file")
    return [path for path in entries if path.is_file()]


def _layer(folder: Path, path: Path) -> Descriptor:
    return Descriptor(
        media_type=MEDIA_TYPES.get(path.suffix, "application/octet-stream"),
        digest=digest_file(path),
        size=path.stat().st_size,
        annotations={TITLE: path.relative_to(folder).as_posix()},
    )


def manifest_digest(folder: Path) -> Digest:
    """The digest a package folder has as an OCI artifact; nothing is pushed.

    Raises:
        MissingFileError: If there is no such folder.
        NotAPackageError: If it is no package.
    """
    return digest_bytes(describe(folder).raw)
