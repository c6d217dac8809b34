"""Build the site of these pages, run their command blocks, hold test results against the specifications."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ..console import Json, stderr
from ..console import show as show_result
from ..contracts import Contract
from ..errors import MissingFileError
from ..settings import settings
from ..specs import Problem
from ..specs.capabilities import proof_facts
from ..specs.page import Block, Page
from .blocks import all_blocks, check_blocks
from .results import Proof, evidence
from .run import BlockRun, run_blocks
from .site import build_site

app = typer.Typer(help=__doc__, no_args_is_help=True)
Root = Annotated[Path, typer.Option("--root", help="Root of the repository.")]


class Blocks(Contract):
    """How many command blocks there are, and the marks that are wrong."""

    quick: int
    long: int
    never: int
    problems: tuple[Problem, ...]


def _root(root: Path) -> Path:
    if not (root / "infrastructure").is_dir():
        raise MissingFileError(root, "repository of physai", "Run this in a clone, or name it with --root.")
    return root.resolve()


@app.command()
def check(root: Root = Path(), as_json: Json = False) -> None:
    """Check that every command block is run, or says why not.

    Example: physai docs check
    """
    blocks = list(all_blocks(_root(root)))
    when = [block.when if block.runs else "never" for block in blocks]
    problems = tuple(check_blocks(_root(root)))
    found = Blocks(quick=when.count("quick"), long=when.count("long"), never=when.count("never"), problems=problems)
    told = f"{found.quick} blocks run in CI, {found.long} by --long, {found.never} say why they are not run"
    show_result(found, as_json, told)
    for wrong in problems if not as_json else ():
        typer.echo(wrong.text(), err=True)
    if problems:
        raise typer.Exit(1)


@app.command()
def run(
    pages: Annotated[list[Path] | None, typer.Argument(help="Pages to run; default: all.")] = None,
    long: Annotated[bool, typer.Option("--long", help="Run blocks marked `run: long` too.")] = False,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Pages that run at once.")] = 2,
    root: Root = Path(),
    as_json: Json = False,
) -> None:
    """Run command blocks of pages, in order, each page in a scratch copy of the repository.

    Example: physai docs run docs/training/tutorial.md --long
    """
    done = run_blocks(_root(root), only=pages or (), long=long, jobs=jobs, tell=_tell)
    table = Table("page", "line", "outcome", "s", "why")
    for block in done.blocks:
        last = block.said.splitlines()[-1] if block.said else ""
        table.add_row(block.page, str(block.line), block.outcome, f"{block.seconds:.1f}", last)
    show_result(done, as_json, table)
    bad = done.count("failed") + done.count("not reached")
    typer.echo(f"{done.count('passed')} passed, {bad} failed, {done.count('marked')} not run here", err=True)
    if bad or not done.count("passed"):
        raise typer.Exit(1)


def _tell(block: BlockRun) -> None:
    if block.outcome in {"passed", "failed"}:
        stderr.print(f"{block.page}:{block.line} {block.outcome}, {block.seconds:.1f} s", highlight=False)
    if block.outcome == "failed":
        stderr.print(block.said, highlight=False, markup=False)


@app.command()
def build(
    output: Annotated[Path | None, typer.Option("--output", help="Folder; default: <home>/site.")] = None,
    junit: Annotated[Path | None, typer.Option("--junit", help="Test results to show beside each capability.")] = None,
    root: Root = Path(),
) -> None:
    """Build the site; warnings and links that lead nowhere are errors.

    Example: physai docs build --output site
    """
    fill = partial(_with_results, _root(root), evidence(_root(root), junit)) if junit else None
    typer.echo(build_site(_root(root), (output or settings().home / "site").resolve(), fill) / "index.html")


def _with_results(root: Path, proof: Proof, page: Page) -> str:
    told = {capability.id: capability.text() for capability in proof.capabilities}

    def facts(block: Block) -> str:
        return proof_facts(root, page.path, told) if block.kind == "proof" else block.body.strip()

    return page.filled(facts)


@app.command()
def prove(
    junit: Annotated[Path, typer.Argument(help="What `pytest --junitxml` wrote.")],
    root: Root = Path(),
    as_json: Json = False,
) -> None:
    """Hold a test run against the requirements: each active capability has tests that passed, and none that failed.

    Example: physai docs prove .physai/junit.xml
    """
    proof = evidence(_root(root), junit)
    table = Table("capability", "tests of its requirements", "not run", "failed")
    for capability in proof.capabilities:
        table.add_row(capability.id, capability.text(), "\n".join(capability.missing), "\n".join(capability.failed))
    show_result(proof, as_json, table)
    unproven = [one.id for one in proof.capabilities if one.status == "active" and not one.holds]
    if unproven:
        typer.echo(f"not proven by this run: {', '.join(unproven)}", err=True)
        raise typer.Exit(1)
