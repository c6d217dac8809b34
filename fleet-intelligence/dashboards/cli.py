"""Write dashboards and alert rules for Grafana, Azure Monitor, Fabric and Prometheus from one definition."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from physai.infrastructure.console import Json, show

from ..errors import StaleFilesError

app = typer.Typer(help=__doc__, no_args_is_help=True)
GENERATED = Path(__file__).with_name("generated")


@app.callback()
def group() -> None:
    """Write dashboards and alert rules for Grafana, Azure Monitor, Fabric and Prometheus from one definition."""


@app.command()
def generate(
    output: Annotated[Path, typer.Option(help="Folder to write.", show_default="in the package")] = GENERATED,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail if a file is not as it should be.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write all dashboards, alert rules and their tests.

    Example: physai fleet-intelligence dashboards generate --output out/dashboards
    """
    from .generate import generate as write

    done = write(output, check)
    if check and done.changed:
        raise StaleFilesError(output, done.changed)
    table = Table("file", "")
    for name in done.files:
        table.add_row(name, "written" if name in done.changed else "as it was")
    show(done, as_json, table)
