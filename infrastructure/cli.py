"""`physai`: one command, to which every installed domain adds its own, loaded when it is called."""

import ast
import errno
import sys
from importlib.metadata import EntryPoint, version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from .arguments import check_paths
from .commands import domains
from .errors import PhysaiError

MENDS = {
    errno.ENOENT: "Check the path",
    errno.ENOTDIR: "A part of the path is a file; check it",
    errno.EISDIR: "Name a file, not a folder",
    errno.EEXIST: "Remove it, or name another place",
    errno.ENOTEMPTY: "Empty it, or name another place",
    errno.ENOSPC: "Free space, then run the command again",
    errno.EROFS: "Name a place that can be written",
    errno.EACCES: "Ask for the right to it, or name another place",
    errno.EPERM: "Ask for the right to it, or name another place",
    errno.EADDRINUSE: "Name another --port, or stop what listens there",
    errno.ECONNREFUSED: "Check the address, and whether a server runs there",
}
"""What to do about an error that the operating system tells."""


def help_line(entry: EntryPoint) -> str:
    """First line of a command module's docstring, read without importing it."""
    try:
        spec = find_spec(entry.module)
    except ModuleNotFoundError:
        spec = None
    if spec is None or spec.origin is None:
        return f"(broken installation: there is no {entry.module})"
    doc = ast.get_docstring(ast.parse(Path(spec.origin).read_text())) or ""
    return doc.partition("\n")[0]


def umbrella(wanted: str | None) -> typer.Typer:
    """`physai` with every installed command by name and help; only `wanted` is imported."""
    app = typer.Typer(
        name="physai",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(physai)
    for entry in domains().values():
        told = help_line(entry) if wanted is None else ""  # it imports the packages above the module
        command = entry.load() if entry.name == wanted else typer.Typer(help=told)
        check_paths(command)
        app.add_typer(command, name=entry.name)
    return app


def print_version(value: bool) -> None:
    """Print the version and stop."""
    if value:
        typer.echo(f"physai {version('physai-infrastructure')}")
        raise typer.Exit


def physai(
    _version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """The robot-learning loop: record, curate, train, evaluate, release, operate, detect, retrain.

    Start with `physai flywheel`, which goes round it on this machine.
    """


def main() -> None:
    """Run one command. Exit 0 is done, 1 is failed or refused, 2 is misuse, 130 is stopped by hand."""
    wanted = next((word for word in sys.argv[1:] if not word.startswith("-")), None)
    try:
        umbrella(wanted)()
    except PhysaiError as error:
        fail(str(error), error.exit_code)
    except ModuleNotFoundError as error:
        if (error.name or "physai").startswith("physai"):
            raise
        fail(
            f"'{error.name}' is not installed. Run `uv sync` in a clone, or install the extra that this command needs."
        )
    except OSError as error:
        if error.strerror is None:
            raise
        where = f"{error.filename}: " if error.filename else ""
        fail(f"{where}{error.strerror}. {MENDS.get(error.errno or 0, 'Mend that, then run the command again')}.")


def fail(message: str, exit_code: int = 1) -> None:
    """Say in one line why nothing more was done."""
    sys.stderr.write(f"error: {' '.join(message.split())}\n")
    raise SystemExit(exit_code)
