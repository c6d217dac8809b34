"""See which settings are in force, and where state is kept."""

from rich.table import Table
from typer import Typer

from .console import Json
from .console import show as show_result
from .settings import PREFIX, settings

app = Typer(help=__doc__, no_args_is_help=True)


@app.callback()
def group() -> None:
    """See which settings are in force, and where state is kept."""


@app.command()
def show(as_json: Json = False) -> None:
    """Print every setting with its value and the variable that changes it.

    Example: physai settings show --json
    """
    current = settings()
    table = Table("setting", "value", "variable")
    for name, value in current.model_dump().items():
        table.add_row(name, "" if value is None else str(value), f"{PREFIX}{name.upper()}")
    show_result(current, as_json, table)
