"""Turn recordings into LeRobot datasets."""

from pathlib import Path
from typing import Annotated

from rich.table import Table
from typer import Argument, BadParameter, Option, Typer

from physai.infrastructure.console import Json, show, tracked

app = Typer(help=__doc__, no_args_is_help=True)


@app.callback()
def group() -> None:
    """Turn recordings into LeRobot datasets."""


@app.command()
def run(
    episodes: Annotated[Path, Argument(help="Recordings with sidecars, rosbag2 folders, or one MCAP file.")],
    output: Annotated[Path, Option(help="Where the LeRobot v3.0 dataset appears.")],
    config: Annotated[Path | None, Option(help="Recording config; the simulated robot needs none.")] = None,
    rate_hz: Annotated[float | None, Option(help="Rows per second; default: the config's, or the robot's.")] = None,
    velocities: Annotated[bool, Option(help="Add joint velocities to observation.state (without a config).")] = False,
    max_skew_s: Annotated[
        float | None, Option(min=1e-6, help="How far a message may be from its row; default: 1.5 periods of its topic.")
    ] = None,
    skip_damaged: Annotated[bool, Option(help="Leave unfit recordings out instead of stopping.")] = False,
    append: Annotated[bool, Option(help="Add to the dataset that is there; it changes in one step.")] = False,
    markers: Annotated[str | None, Option(help="Topic that says start and stop: std_msgs Bool or String.")] = None,
    intervals: Annotated[
        Path | None,
        Option(help="JSON: start and end of each episode in s from the first message, \\[[0, 12.5], \\[20, 31]]."),
    ] = None,
    report: Annotated[Path | None, Option(help="Folder for report.html and report.json.")] = None,
    as_json: Json = False,
) -> None:
    """Align recordings on one rate by header time and write them as a dataset.

    Example: physai data-pipeline convert run OUT/episodes --output OUT/dataset
    """
    if report and report.is_file():
        raise BadParameter(f"{report} is a file; name a folder for the report.", param_hint="--report")
    from physai.infrastructure.contracts import RecordingConfig
    from physai.infrastructure.errors import PhysaiError

    from .boundaries import read_intervals
    from .convert import convert
    from .report import ConvertReport, write_report
    from .rules import Options

    options = Options(
        config=RecordingConfig.read(config) if config else None,
        rate_hz=rate_hz,
        velocities=velocities,
        max_skew_s=max_skew_s,
        skip_damaged=skip_damaged,
        markers=markers,
        intervals=read_intervals(intervals) if intervals else (),
        append=append,
    )
    try:
        done = convert(episodes, output, options, track=tracked("converting"))
    except PhysaiError as error:
        if report:
            write_report(ConvertReport.failed(output, str(error)), report)
        raise
    if report:
        write_report(done, report)
    table = Table(title=done.dataset, show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    table.add_row("verdict", done.verdict)
    for reason in done.reasons:
        table.add_row("", reason)
    table.add_row("content", done.content)
    table.add_row("episodes", f"{done.episodes}, {len(done.dropped)} left out")
    table.add_row("rows", f"{done.rows} at {done.rate_hz} Hz")
    for camera, frames in done.frames.items():
        table.add_row(camera, f"{frames} frames")
    for topic, skew_s in done.worst_skew_s.items():
        table.add_row(topic, f"{skew_s * 1e3:.1f} ms from its row at most")
    show(done, as_json, table)
