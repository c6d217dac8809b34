"""Tell the laps on one self-contained page; show the fleet as it is now."""

from pathlib import Path
from typing import Annotated

import typer

from physai.infrastructure.console import Json, show, stderr
from physai.infrastructure.errors import MissingFileError

from ..drift.cli import FALSE_ALARM, HORIZON, FalseAlarm, Horizon
from ..telemetry.store_option import StorePath, open_telemetry

app = typer.Typer(help=__doc__, no_args_is_help=True)


@app.callback()
def group() -> None:
    """Tell the laps on one self-contained page; show the fleet as it is now."""


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


@app.command()
def serve(
    report: Annotated[list[Path] | None, typer.Option(help="Evaluation report to hold production against.")] = None,
    host: Annotated[str, typer.Option(help="Address to listen at; whoever reaches it can read.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8090,
    days: Annotated[int, typer.Option(min=1, help="How far back, from the newest episode.")] = 7,
    false_alarm: FalseAlarm = FALSE_ALARM,
    horizon: Horizon = HORIZON,
    store: StorePath = None,
) -> None:
    """Serve the fleet's live page and `/metrics` for Prometheus, until stopped with Ctrl-C.

    Example: physai fleet-intelligence page serve --report out/report.json --port 8090
    """
    import uvicorn

    from physai.infrastructure.contracts import EvaluationReport

    from ..drift.cusum import Level
    from ..live.server import Watched, make_app

    reports = tuple(EvaluationReport.read(path) for path in report or ())
    stderr.print(f"http://{host}:{port}/", soft_wrap=True)
    made = make_app(Watched(open_telemetry(store), reports, Level(false_alarm, horizon), days))
    uvicorn.run(made, host=host, port=port, log_level="warning", timeout_graceful_shutdown=1)
