"""Turn recordings into LeRobot datasets."""

from pathlib import Path
from typing import Annotated

from rich.table import Table
from typer import Argument, Option, Typer

from physai.infrastructure.console import Json, show, tracked

app = Typer(help=__doc__, no_args_is_help=True)


@app.callback()
def group() -> None:
    """Turn recordings into LeRobot datasets."""


@app.command()
def run(
    episodes: Annotated[Path, Argument(help="Folder of MCAP recordings with their sidecars.")],
    output: Annotated[Path, Option(help="Where the LeRobot v3.0 dataset appears.")],
    rate_hz: Annotated[float | None, Option(help="Rows per second; default: the robot's control rate.")] = None,
    velocities: Annotated[bool, Option(help="Add joint velocities to observation.state.")] = False,
    max_skew_s: Annotated[
        float | None, Option(help="How old a held value may be; default: 1.5 periods of its topic.")
    ] = None,
    skip_damaged: Annotated[bool, Option(help="Leave unfit recordings out instead of stopping.")] = False,
    as_json: Json = False,
) -> None:
    """Align recordings on one rate by header time and write them as a dataset.

    Example: physai data-pipeline convert run OUT/episodes --output OUT/dataset
    """
    from .convert import convert

    report = convert(
        episodes,
        output,
        rate_hz=rate_hz,
        velocities=velocities,
        max_skew_s=max_skew_s,
        skip_damaged=skip_damaged,
        track=tracked("converting"),
    )
    table = Table(title=report.dataset, show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    table.add_row("content", report.content)
    table.add_row("episodes", f"{report.episodes}, {len(report.dropped)} left out")
    table.add_row("rows", f"{report.rows} at {report.rate_hz} Hz")
    for camera, frames in report.frames.items():
        table.add_row(camera, f"{frames} frames")
    for topic, skew_s in report.worst_skew_s.items():
        table.add_row(topic, f"held for {skew_s * 1e3:.1f} ms at most")
    show(report, as_json, table)
