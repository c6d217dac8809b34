"""Every contract by name, and its JSON Schema; with them the files that people write for one domain."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml
from pydantic_core import from_json

from ..commands import domains
from ..errors import MissingFileError, PhysaiError, one_line, suggest
from . import DOCUMENTS, Contract, ControlEvent, Document, EpisodeEvent, HealthEvent, SignalEvent, write_whole
from .base import NotYamlError

SUFFIX = ".schema.json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"

CONTRACTS: dict[str, type[Contract]] = {
    **{document.kind_name(): document for document in DOCUMENTS},
    "episode-event": EpisodeEvent,  # events are lines of a file, not files: CloudEvents gives them their envelope
    "control-event": ControlEvent,
    "health-event": HealthEvent,
    "signal-event": SignalEvent,
}


class UnknownKindError(PhysaiError):
    """There is no such contract."""

    def __init__(self, where: Path | str, kind: object, known: tuple[str, ...]) -> None:
        alike = [name for name in known if isinstance(kind, str) and name.endswith(f".{kind}")]
        told = f"It is one of {', '.join(alike)}." if alike else suggest(str(kind or ""), known)
        mend = " Name it under `kind`, or by --as." if kind is None else ""
        super().__init__(f"{where}: kind {kind!r:.60} is unknown.{mend} {told}")


class NotJsonError(PhysaiError):
    """A file is not a JSON object."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: not a JSON object: {why}. Check the path, or write the file again.")


class StaleSchemasError(PhysaiError):
    """Schemas on disk are not those of the models."""

    def __init__(self, folder: Path, names: tuple[str, ...]) -> None:
        super().__init__(
            f"{folder}: out of date: {', '.join(names)}. Run `physai contracts export {folder}` and commit the result."
        )


@cache
def files() -> Mapping[str, type[Document]]:
    """Files that people write for one domain, by name: those under `FILES` in `files.py` of each that is installed.

    Two domains that chose the same kind are told apart: `evaluation.gate-rules`, `fleet-deployment.gate-rules`.
    """
    found = [(domain, model) for domain, package in _packages() for model in _files_of(package)]
    times = Counter(model.kind_name() for _, model in found)
    return {
        model.kind_name() if times[model.kind_name()] == 1 else f"{domain}.{model.kind_name()}": model
        for domain, model in found
    }


def _packages() -> Iterator[tuple[str, str]]:
    """Every domain and its package."""
    packages = {".".join(entry.module.split(".")[:2]) for entry in domains().values()}
    for package in sorted(packages):
        yield package.rpartition(".")[2].replace("_", "-"), package


def _files_of(package: str) -> tuple[type[Document], ...]:
    name = f"{package}.files"
    return import_module(name).FILES if find_spec(name) else ()


def model_of(kind: str) -> type[Contract]:
    """The model of a contract, or of a file that people write for one domain.

    Raises:
        UnknownKindError: If there is neither.
    """
    if found := CONTRACTS.get(kind) or files().get(kind):
        return found
    raise UnknownKindError("contracts", kind, (*CONTRACTS, *files()))


def schema(kind: str) -> dict[str, Any]:
    """JSON Schema of one contract, or of a file that people write.

    Raises:
        UnknownKindError: If there is neither.
    """
    return {"$schema": DIALECT, **model_of(kind).model_json_schema()}


def schema_files() -> dict[str, bytes]:
    """File name → content of every schema."""
    return {f"{kind}{SUFFIX}": (json.dumps(schema(kind), indent=2) + "\n").encode() for kind in CONTRACTS}


def export(folder: Path) -> tuple[str, ...]:
    """Write every schema, remove those of contracts that are gone, and return the names of what changed."""
    changed = differences(folder)
    files = schema_files()
    for name in changed:
        if name in files:
            write_whole(folder / name, files[name])
        else:
            (folder / name).unlink()
    return changed


def differences(folder: Path) -> tuple[str, ...]:
    """Names of schemas that are missing, different or left over in a folder."""
    there = {path.name: path.read_bytes() for path in folder.glob(f"*{SUFFIX}")}
    files = schema_files()
    return tuple(sorted(name for name in there.keys() | files.keys() if there.get(name) != files.get(name)))


def read_any(path: Path, kind: str | None = None) -> Document:
    """Read a file as what its `kind` names, or as `kind`; YAML if it is called so.

    Raises:
        MissingFileError: If there is no such file.
        NotJsonError: If it is no JSON object.
        NotYamlError: If it is called YAML, and is none.
        UnknownKindError: If its kind is none of ours.
        ContractError: If it does not hold that contract.
    """
    content = _content(path)
    documents: Mapping[str, type[Document]] = {document.kind_name(): document for document in DOCUMENTS}
    said = content.get("kind") if kind is None else kind
    if not isinstance(said, str) or said not in documents:
        documents = {**documents, **files()}
    models = [model for name, model in documents.items() if said in (name, model.kind_name())]
    if not models:
        raise UnknownKindError(path, said, tuple(documents))
    # of two files with the same kind, it is the one whose fields it names
    return max(models, key=lambda model: len(model.model_fields.keys() & content.keys())).read(path)


def _content(path: Path) -> dict[str, Any]:
    try:
        file = path.read_bytes()
        content = yaml.safe_load(file) if path.suffix in {".yaml", ".yml"} else from_json(file)
    except FileNotFoundError as error:
        raise MissingFileError(path, "file", "Check the path.") from error
    except ValueError as error:
        raise NotJsonError(path, str(error)) from error
    except yaml.YAMLError as error:
        raise NotYamlError(path, "contract", one_line(error)) from error
    if not isinstance(content, dict):
        raise NotJsonError(path, f"it is a {type(content).__name__}")
    return content
