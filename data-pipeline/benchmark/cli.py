"""Measure the recorder and the converter."""

from functools import partial
from pathlib import Path
from typing import Annotated

from typer import Option, Typer

from physai.infrastructure.console import Json, show

app = Typer()

FOLDER = Path("data-pipeline/benchmarks")


@app.callback(invoke_without_command=True)
def benchmark(
    output: Annotated[Path, Option(help="Folder of the report.")] = FOLDER,
    only: Annotated[list[str] | None, Option(help="Measure only this row; may be repeated.")] = None,
    seconds: Annotated[float, Option(min=1, help="How long the recorder is measured.")] = 300.0,
    as_json: Json = False,
) -> None:
    """Measure the recorder and the converter, and write a report with the machine and the versions.

    Example: physai data-pipeline benchmark --only recorder-jpeg --seconds 30 --output OUT/benchmarks
    """
    from physai.infrastructure.benchmark import Row, report_table, write_report
    from physai.infrastructure.benchmark import benchmark as run

    from .conversion import measure_busy, measure_conversion, measure_memory
    from .recorder import measure_recorder

    output.mkdir(parents=True, exist_ok=True)
    rows = (
        Row("recorder-jpeg", partial(measure_recorder, "jpeg", seconds, output)),
        Row("recorder-raw", partial(measure_recorder, "raw", seconds, output)),
        Row("conversion-jpeg", partial(measure_conversion, "jpeg")),
        Row("conversion-raw", partial(measure_conversion, "raw")),
        Row("conversion-h264", partial(measure_conversion, "h264")),
        Row("conversion-depth", partial(measure_conversion, "depth")),
        Row("conversion-busy", measure_busy),
        Row("conversion-memory", measure_memory),
    )
    report = run("data-pipeline", rows, only=only or (), versions=["av", "cyclonedds", "lerobot", "mcap", "rosbags"])
    write_report(report, output)
    show(report, as_json, report_table(report))
