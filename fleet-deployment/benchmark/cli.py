"""Measure what the README claims, on this machine."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from physai.infrastructure.console import Json, show

SOURCES = {
    "gate": "physai.fleet_deployment.benchmark.gate:measure",
    "canary": "physai.fleet_deployment.benchmark.canary:measure",
    "activation": "physai.fleet_deployment.benchmark.activation:measure",
}


def benchmark(
    only: Annotated[list[str] | None, typer.Option(help=f"One of {', '.join(SOURCES)}; may be repeated.")] = None,
    output: Annotated[Path | None, typer.Option(help="Folder for fleet-deployment.json and .md.")] = None,
    as_json: Json = False,
) -> None:
    """Measure the gate's decisions and the canary's operating numbers. It takes some minutes.

    Example: physai fleet-deployment benchmark --only gate --output out
    """
    unknown = [name for name in only or () if name not in SOURCES]
    if unknown:
        raise typer.BadParameter(f"'{unknown[0]}' is none of {', '.join(SOURCES)}", param_hint="--only")
    from .report import measure, write

    report = measure([source for name, source in SOURCES.items() if not only or name in only])
    if output:
        write(report, output)
    table = Table("measured", "value", "goal", "met", "beside", "note")
    for row in report.rows:
        met = "yes" if row.met else "no"
        table.add_row(row.name, f"{row.value:.4g} {row.unit}", row.goal, met, row.peer, row.note)
    show(report, as_json, table)
