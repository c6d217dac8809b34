"""Measure drift, aggregation on the robot, ingest, transport, queries and the live page."""

from pathlib import Path
from typing import Annotated

from typer import Option, Typer

from physai.infrastructure.console import Json, show

app = Typer()

FOLDER = Path("fleet-intelligence/benchmarks")


@app.callback(invoke_without_command=True)
def benchmark(
    output: Annotated[Path, Option(help="Folder of the report.")] = FOLDER,
    only: Annotated[list[str] | None, Option(help="Measure only this row; may be repeated.")] = None,
    as_json: Json = False,
) -> None:
    """Measure, river and evidently beside us on the same streams, and write a report with machine and versions.

    Example: physai fleet-intelligence benchmark --only ingest --output OUT/benchmarks
    """
    from physai.infrastructure.benchmark import Row, report_table, write_report
    from physai.infrastructure.benchmark import benchmark as run

    from .drift import measure_delay, measure_flags
    from .edge import measure_edge
    from .page import measure_page
    from .telemetry import measure_ingest, measure_queries, measure_wire

    rows = (
        Row("drift-delay", measure_delay),
        Row("false-flags", measure_flags),
        Row("edge", measure_edge),
        Row("ingest", measure_ingest),
        Row("wire", measure_wire),
        Row("queries", measure_queries),
        Row("page", measure_page),
    )
    report = run("fleet-intelligence", rows, only=only or (), versions=["duckdb", "msgspec", "paho-mqtt", "scipy"])
    write_report(report, output)
    show(report, as_json, report_table(report))
