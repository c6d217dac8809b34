"""The command that measures."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from typer import Option

from physai.infrastructure.console import Json, show


def benchmark(
    output: Annotated[Path | None, Option(help="Folder for report.json and report.md.")] = None,
    only: Annotated[list[str] | None, Option(help="A row to measure; give several. By default all.")] = None,
    episodes: Annotated[int, Option(help="Of the dataset with many episodes.", min=10)] = 1000,
    as_json: Json = False,
) -> None:
    """Measure edits, reading and validation beside LeRobot; with 1,000 episodes LeRobot takes 20 minutes.

    Example: physai data-management benchmark --only delete --only read --output OUT/benchmark
    """
    try:
        import torch
    except ModuleNotFoundError as error:
        raise typer.BadParameter(
            "LeRobot is not installed: `uv sync` in a clone brings it", param_hint="--only"
        ) from error
    from physai.infrastructure.benchmark import Row, report_table, write_report
    from physai.infrastructure.benchmark import benchmark as run

    from . import edits, reading

    torch.set_num_threads(1)
    with TemporaryDirectory() as name:
        folder = Path(name)
        rows = [
            Row("delete", lambda: edits.delete_filmed(folder)),
            Row("many", lambda: edits.many(folder, episodes)),
            Row("merge", lambda: edits.merge(folder)),
            Row("read", lambda: reading.items(folder)),
            Row("step", lambda: reading.step(folder)),
            Row("validate", lambda: reading.validation(folder)),
        ]
        versions = ("lerobot", "torch", "torchcodec", "av", "pyarrow", "numpy")
        report = run("data-management", rows, only=only or (), versions=versions)
    if output is not None:
        write_report(report, output)
    show(report, as_json, report_table(report))
