"""Make more episodes from the ones that were recorded."""

from pathlib import Path
from typing import Annotated

from rich.table import Table
from typer import Argument, Option, Typer

from physai.infrastructure.console import Json, show, tracked

app = Typer(help=__doc__, no_args_is_help=True)


@app.callback()
def group() -> None:
    """Make more episodes from the ones that were recorded."""


@app.command()
def vary(
    dataset: Annotated[Path, Argument(help="Folder of a LeRobot v3.0 dataset with a camera.")],
    output: Annotated[Path, Option(help="Where the enlarged dataset appears.")],
    copies: Annotated[int, Option(help="Varied copies of each training episode.", min=1)] = 1,
    seed: Annotated[int, Option(help="Draws the variations; the same seed gives the same dataset.", min=0)] = 0,
    publish: Annotated[bool, Option(help="Put the result into the store under its digest.")] = True,
    as_json: Json = False,
) -> None:
    """Add copies with other brightness, contrast, hue and noise; actions and states stay.

    Example: physai synthetic-data vary OUT/dataset --copies 1 --seed 0 --output OUT/varied
    """
    from .vary import vary as run

    report = run(dataset, output, copies=copies, seed=seed, publish_it=publish, track=tracked("varying"))
    table = Table("episode", "copy of", "variation", title=f"{output}: {report.content}")
    for episode in report.varied:
        table.add_row(str(episode.episode), str(episode.source_episode), str(episode.variation))
    show(report, as_json, table)
