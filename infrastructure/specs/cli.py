"""Check specifications and pages against the code, and write the facts in them."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ..console import Json
from ..console import show as show_result
from ..contracts import Contract
from ..errors import MissingFileError
from .check import check as check_pages
from .check import write as write_pages
from .problem import Problem
from .specification import Specification, read_specification, specification_files

app = typer.Typer(help=__doc__, no_args_is_help=True)
Root = Annotated[Path, typer.Option("--root", help="Root of the repository.")]


class Checked(Contract):
    """What pages say that is not so."""

    problems: tuple[Problem, ...]


class Specifications(Contract):
    """All specifications."""

    specifications: tuple[Specification, ...]


def _root(root: Path) -> Path:
    if not (root / "infrastructure").is_dir():
        raise MissingFileError(root, "repository of physai", "Run this in a clone, or name it with --root.")
    return root


@app.command("list")
def list_specifications(root: Root = Path(), as_json: Json = False) -> None:
    """List every specification with its status and what it speaks for.

    Example: physai specs list
    """
    found = tuple(read_specification(root, path) for path in specification_files(_root(root)))
    table = Table("id", "version", "status", "title", "commands")
    for spec in found:
        table.add_row(spec.id, str(spec.version), spec.status, spec.title, "\n".join(spec.commands))
    show_result(Specifications(specifications=found), as_json, table)


@app.command()
def check(root: Root = Path(), as_json: Json = False) -> None:
    """Look up every claim of every page: facts, commands, options, settings, links, paths, tests.

    Example: physai specs check
    """
    found = check_pages(_root(root))
    if as_json or not found:
        show_result(Checked(problems=tuple(found)), as_json, "every page says what the code says")
    if not as_json:
        for problem in found:
            typer.echo(problem.text(), err=True)
    if found:
        typer.echo(f"{len(found)} claims are not so", err=True)
        raise typer.Exit(1)


@app.command()
def write(root: Root = Path()) -> None:
    """Write the generated facts of every page anew.

    Example: physai specs write
    """
    changed = write_pages(_root(root))
    for path in changed:
        typer.echo(path)
    typer.echo(f"{len(changed)} pages changed", err=True)
