"""Measure what the README claims, on this machine."""

import importlib
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from physai.infrastructure.console import Json, show

if TYPE_CHECKING:
    from physai.infrastructure.benchmark import Result

ROWS = ("gate", "canary", "activation")


def benchmark(
    only: Annotated[list[str] | None, typer.Option(help=f"One of {', '.join(ROWS)}; may be repeated.")] = None,
    output: Annotated[Path | None, typer.Option(help="Folder for report.md and report.json.")] = None,
    as_json: Json = False,
) -> None:
    """Measure the gate's decisions, the canary's operating numbers, and activation. It takes some minutes.

    Example: physai fleet-deployment benchmark --only gate --output out
    """
    from physai.infrastructure.benchmark import Row, report_table, write_report
    from physai.infrastructure.benchmark import benchmark as run

    rows = [Row(name, partial(_measure, name)) for name in ROWS]
    versions = ("cryptography", "numpy", "onnxruntime", "pydantic")
    report = run("fleet-deployment", rows, only=only or (), versions=versions)
    if output:
        write_report(report, output)
    show(report, as_json, report_table(report))


def _measure(name: str) -> "list[Result]":
    """One module's results, measured in an empty folder of its own."""
    module = importlib.import_module(f"{__package__}.{name}")
    with tempfile.TemporaryDirectory(prefix="physai-benchmark-") as folder:
        results: list[Result] = module.measure(Path(folder))
    return results
