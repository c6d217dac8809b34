"""Tell the laps on one self-contained page."""

from pathlib import Path
from typing import Annotated

import typer

from physai.infrastructure.console import Json, show, stderr
from physai.infrastructure.errors import MissingFileError

app = typer.Typer(help=__doc__, no_args_is_help=True)


@app.callback()
def group() -> None:
    """Tell the laps on one self-contained page."""


@app.command()
def build(
    laps: Annotated[list[Path], typer.Argument(help="Run folders of the laps, in order.")],
    output: Annotated[Path, typer.Option(help="The page; summary.json is written beside it.")] = Path("index.html"),
    as_json: Json = False,
) -> None:
    """Write the page and summary.json from the artifacts of the laps; what is missing is named on it.

    Example: physai fleet-intelligence page build .physai/flywheel/lap-1 .physai/flywheel/lap-2 --output index.html
    """
    from . import LapArtifacts, summary_table, write_page

    for lap in laps:
        if not lap.is_dir():
            raise MissingFileError(lap, "lap", "Give the run folders of a flywheel, or run `physai flywheel`.")
    summary = write_page([LapArtifacts.of_run(lap) for lap in laps], output)
    show(summary, as_json, summary_table(summary))
    stderr.print(f"{output}: {output.stat().st_size / 1e6:.1f} MB", soft_wrap=True)
