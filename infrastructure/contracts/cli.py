"""See what crosses the borders between domains, as JSON Schema, and check files against it."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ..console import Json, stdout
from ..console import show as show_result
from . import Contract
from .catalog import CONTRACTS, StaleSchemasError, differences, read_any, schema
from .catalog import export as export_schemas

app = typer.Typer(help=__doc__, no_args_is_help=True)


class Kind(Contract):
    """A contract and what it is for."""

    kind: str
    version: int | None
    """None for an event, whose version is in its CloudEvents type."""
    purpose: str


class Kinds(Contract):
    """All contracts."""

    contracts: tuple[Kind, ...]


@app.command("list")
def list_contracts(as_json: Json = False) -> None:
    """List every contract with its version and purpose.

    Example: physai contracts list
    """
    kinds = Kinds(contracts=tuple(_describe(kind) for kind in sorted(CONTRACTS)))
    table = Table("kind", "version", "purpose")
    for kind in kinds.contracts:
        table.add_row(kind.kind, "" if kind.version is None else str(kind.version), kind.purpose)
    show_result(kinds, as_json, table)


def _describe(kind: str) -> Kind:
    contract = CONTRACTS[kind]
    version = contract.model_fields.get("version")
    return Kind(
        kind=kind,
        version=version.default if version else None,
        purpose=(contract.__doc__ or "").partition("\n")[0],
    )


@app.command()
def show(kind: Annotated[str, typer.Argument(help="As `physai contracts list` has it.")]) -> None:
    """Print the JSON Schema of one contract.

    Example: physai contracts show policy-package
    """
    typer.echo(json.dumps(schema(kind), indent=2))


@app.command()
def export(
    folder: Path,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail if a file would change.")] = False,
) -> None:
    """Write the JSON Schema of every contract into a folder.

    Example: physai contracts export infrastructure/specifications/schemas
    """
    if check:
        if stale := differences(folder):
            raise StaleSchemasError(folder, stale)
        stdout.print(f"{folder}: {len(CONTRACTS)} schemas, all up to date", soft_wrap=True)
        return
    changed = export_schemas(folder)
    stdout.print(f"{folder}: {len(CONTRACTS)} schemas, {len(changed)} changed", soft_wrap=True)


@app.command()
def validate(file: Path, as_json: Json = False) -> None:
    """Check one file against the contract that its `kind` names.

    Example: physai contracts validate out/report.json
    """
    document = read_any(file)
    show_result(document, as_json, f"{file}: a valid {document.kind_name()}, {document.digest}")
