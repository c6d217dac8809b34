"""What every contract shares: frozen, strict, unknown keys refused, read and written whole."""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Self, override

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from ..aside import write_whole
from ..errors import MissingFileError, PhysaiError, one_line

Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
"""Digest of content, e.g. `sha256:9f86d0…`."""


class ContractError(PhysaiError):
    """A file does not hold the contract that was expected of it."""

    def __init__(self, path: Path | str, contract: type["Document"], error: ValidationError) -> None:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        got = first.get("input")
        quoted = f" (got {got!r:.80})" if not isinstance(got, dict | list | bytes) and got is not None else ""
        more = f", and {error.error_count() - 1} more" if error.error_count() > 1 else ""
        shown = f"Compare it with `physai contracts show {contract.kind_name()}`."
        if not contract.__module__.startswith(__package__):  # a domain's own file, which crosses no border
            shown = f"Its fields are: {', '.join(contract.model_fields)}."
        super().__init__(f"{path}: not a valid {contract.kind_name()}: {where}: {first['msg']}{quoted}{more}. {shown}")


class NotYamlError(PhysaiError):
    """A file is not YAML."""

    def __init__(self, path: Path, kind: str, why: str) -> None:
        super().__init__(f"{path}: not YAML: {why}. A {kind} is written as YAML or JSON.")


class NotOursError(PhysaiError):
    """A file of another kind is where one of ours was to be written."""

    def __init__(self, path: Path, kind: str) -> None:
        super().__init__(f"{path}: is no {kind}, and would be replaced by one. Name another output, or remove it.")


class Contract(BaseModel):
    """Plain data that crosses a border. The string under a field is its description."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        defer_build=True,  # a command pays for the contracts that it uses
    )


class Document(Contract):
    """A contract that is a file of its own.

    A subclass names itself and its version: `kind: Literal["world"] = "world"`, `version: Literal[1] = 1`.
    """

    @classmethod
    def kind_name(cls) -> str:
        """The word under `kind` in the file, e.g. `policy-package`."""
        return str(cls.model_fields["kind"].default)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read and validate one file.

        Raises:
            MissingFileError: If there is no such file.
            ContractError: If its content is not this contract, in this version.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError as error:
            raise MissingFileError(path, cls.kind_name(), "Check the path, or run the step that writes it.") from error
        except ValidationError as error:
            raise ContractError(path, cls, error) from error

    def write(self, path: Path) -> Path:
        """Write beside, then rename: `path` is either absent, old, or whole.

        Raises:
            NotOursError: If something that is not JSON is at `path`: a file of another kind is not ours to replace.
        """
        if path.is_file() and not _is_json_or_empty(path):
            raise NotOursError(path, self.kind_name())
        return write_whole(path, (self.model_dump_json(indent=2) + "\n").encode())

    @property
    def digest(self) -> Digest:
        """Digest of the canonical JSON, independent of white space in a file."""
        return digest_bytes(self.model_dump_json().encode())


class YamlDocument(Document):
    """A contract that people write, as YAML; JSON is YAML too."""

    @override
    @classmethod
    def read(cls, path: Path) -> Self:
        """Read and validate one file.

        Raises:
            MissingFileError: If there is no such file.
            NotYamlError: If it is not YAML.
            ContractError: If its content is not this contract, in this version.
        """
        try:
            return cls.model_validate_json(_as_json(path, cls.kind_name(), path.read_bytes()))
        except FileNotFoundError as error:
            raise MissingFileError(path, cls.kind_name(), "Check the path, or copy one of the examples.") from error
        except ValidationError as error:
            raise ContractError(path, cls, error) from error


def _is_json_or_empty(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(1) in (b"{", b"")


def _as_json(path: Path, kind: str, content: bytes) -> bytes:
    try:
        from_json(content)
    except ValueError:
        pass
    else:
        return content
    try:
        return json.dumps(yaml.safe_load(content), default=str).encode()
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise NotYamlError(path, kind, one_line(error)) from error


def digest_bytes(content: bytes) -> Digest:
    """Digest of bytes in memory."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def digest_file(path: Path) -> Digest:
    """Digest of one file's bytes, read in blocks."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def digest_tree(folder: Path, exclude: frozenset[str] = frozenset()) -> Digest:
    """Digest of a folder: of the sorted lines `<digest>  <relative path>` of its files.

    Args:
        folder: Any folder; empty folders inside it do not count.
        exclude: Relative POSIX paths left out, e.g. a file that itself states the digest; `name/` leaves out a folder.
    """
    folders = tuple(name for name in exclude if name.endswith("/"))
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    named = sorted(name for name in files if name not in exclude and not name.startswith(folders))
    text = "".join(f"{digest_file(files[name])}  {name}\n" for name in named)
    return digest_bytes(text.encode())
