"""`physai`: one command, to which every installed domain adds its own, loaded when it is called."""

import ast
import sys
from collections.abc import Mapping
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any, override

import click
import typer.main

from .errors import PhysaiError

GROUP = "physai.commands"


class LazyCommand(click.Group):
    """A domain's commands: known by name and help, imported when called."""

    def __init__(self, entry_point: EntryPoint) -> None:
        self.entry_point = entry_point
        super().__init__(entry_point.name, help=self._docstring())

    def _docstring(self) -> str:
        """First line of the module's docstring, read without importing it."""
        spec = find_spec(self.entry_point.module)
        assert spec and spec.origin, f"{self.entry_point.module} is declared as a command but cannot be found"
        doc = ast.get_docstring(ast.parse(Path(spec.origin).read_text())) or ""
        return doc.partition("\n")[0]

    @cached_property
    def command(self) -> click.Command:
        return typer.main.get_command(self.entry_point.load())

    @override
    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        return self.command.make_context(info_name, args, parent, **extra)


class Umbrella(click.Group):
    """`physai` itself."""

    @cached_property
    def _entry_points(self) -> Mapping[str, EntryPoint]:
        return {entry.name: entry for entry in entry_points(group=GROUP)}

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self._entry_points)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = self._entry_points.get(cmd_name)
        return LazyCommand(entry) if entry else None


@click.command(
    cls=Umbrella,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="The robot-learning loop: record, curate, train, evaluate, release, operate, detect, retrain.\n\n"
    "Start with `physai flywheel`, which goes once or twice round it on this machine.",
)
@click.version_option(package_name="physai-infrastructure", prog_name="physai")
def app() -> None:
    pass


def main() -> None:
    """Run one command. Exit 0 is done, 1 is failed or refused, 2 is misuse, 130 is stopped by hand."""
    try:
        app()
    except PhysaiError as error:
        _fail(str(error))
    except OSError as error:
        if error.filename is None and error.strerror is None:
            raise
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}. Free what is in the way, then run the command again.")


def _fail(message: str) -> None:
    sys.stderr.write(f"error: {' '.join(message.split())}\n")
    raise SystemExit(1)
