"""Every contract by name, and its JSON Schema."""

import json
from pathlib import Path
from typing import Any

import yaml
from pydantic_core import from_json

from ..errors import MissingFileError, PhysaiError
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
        super().__init__(f"{where}: kind {kind!r:.60} is unknown. Known: {', '.join(known)}.")


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


def schema(kind: str) -> dict[str, Any]:
    """JSON Schema of one contract.

    Raises:
        UnknownKindError: If there is no such contract.
    """
    if kind not in CONTRACTS:
        raise UnknownKindError("contracts", kind, tuple(CONTRACTS))
    return {"$schema": DIALECT, **CONTRACTS[kind].model_json_schema()}


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


def read_any(path: Path) -> Document:
    """Read a file as the contract that its `kind` names; YAML if it is called so.

    Raises:
        MissingFileError: If there is no such file.
        NotJsonError: If it is no JSON object.
        NotYamlError: If it is called YAML, and is none.
        UnknownKindError: If its kind is none of ours.
        ContractError: If it does not hold that contract.
    """
    try:
        file = path.read_bytes()
        content = yaml.safe_load(file) if path.suffix in {".yaml", ".yml"} else from_json(file)
    except FileNotFoundError as error:
        raise MissingFileError(path, "file", "Check the path.") from error
    except ValueError as error:
        raise NotJsonError(path, str(error)) from error
    except yaml.YAMLError as error:
        raise NotYamlError(path, "contract", " ".join(str(error).split())) from error
    if not isinstance(content, dict):
        raise NotJsonError(path, f"it is a {type(content).__name__}")
    documents = {document.kind_name(): document for document in DOCUMENTS}
    kind = content.get("kind")
    if not isinstance(kind, str) or kind not in documents:
        raise UnknownKindError(path, kind, tuple(documents))
    return documents[kind].read(path)
