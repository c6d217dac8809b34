"""The command that measures the engine, the checks and the stores."""

from pathlib import Path
from typing import Annotated

import typer

from ..console import Json, show


def benchmark(
    only: Annotated[
        list[str] | None,
        typer.Option(help="overhead, many, planning, validation, storage-large or storage-small; default: all."),
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Folder for report.md and report.json.")] = None,
    as_json: Json = False,
) -> None:
    """Measure the engine's overhead, planning, validation and storage sync, each beside the plain way.

    Example: physai jobs benchmark --only overhead --output infrastructure/benchmarks/jobs
    """
    from .. import benchmark as measuring
    from .benchmark import ROWS, VERSIONS

    report = measuring.benchmark("jobs", ROWS, only=only or (), versions=VERSIONS)
    if output is not None:
        measuring.write_report(report, output)
    show(report, as_json, measuring.report_table(report))
