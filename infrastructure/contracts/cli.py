"""See what crosses the borders between domains, and what people write; check files against it."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ..console import Json, stdout
from ..console import show as show_result
from . import Contract
from .catalog import CONTRACTS, StaleSchemasError, differences, files, model_of, read_any, schema
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
    """List every contract, and every file that people write, with its version and purpose.

    Example: physai contracts list
    """
    kinds = Kinds(contracts=tuple(_describe(kind) for kind in sorted({**CONTRACTS, **files()})))
    table = Table("kind", "version", "purpose")
    for kind in kinds.contracts:
        table.add_row(kind.kind, "" if kind.version is None else str(kind.version), kind.purpose)
    show_result(kinds, as_json, table)


def _describe(kind: str) -> Kind:
    contract = model_of(kind)
    version = contract.model_fields.get("version")
    return Kind(
        kind=kind,
        version=version.default if version else None,
        purpose=(contract.__doc__ or "").partition("\n")[0],
    )


@app.command()
def show(
    kind: Annotated[str, typer.Argument(help="As `physai contracts list` has it.")],
    fields: Annotated[bool, typer.Option("--fields", help="One line for each field, and what it is.")] = False,
) -> None:
    """Print one contract: its JSON Schema, or its fields.

    Example: physai contracts show recording-config --fields
    """
    if fields:
        from ..specs.facts import contract_facts  # reads Terraform too: on need

        typer.echo(contract_facts(kind))
        return
    typer.echo(json.dumps(schema(kind), indent=2))


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="Where the schemas are.")],
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
def validate(
    file: Annotated[Path, typer.Argument(help="JSON or YAML file.")],
    kind: Annotated[str | None, typer.Option("--as", help="What it is, for a file that names no kind.")] = None,
    as_json: Json = False,
) -> None:
    """Check one file against the contract that its `kind` names.

    Example: physai contracts validate evaluation/gates.yaml
    """
    document = read_any(file, kind)
    show_result(document, as_json, f"{file}: a valid {document.kind_name()}, {document.digest}")
