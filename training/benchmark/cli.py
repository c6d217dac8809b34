"""The command that measures training and packaging."""

from importlib import import_module
from pathlib import Path
from typing import Annotated

from typer import Option

from physai.infrastructure.console import Json, show

ROWS = ("imitation", "verify")
"""Each a module of this folder with a function `measure`."""
VERSIONS = ("lerobot", "torch", "onnx", "onnxruntime", "diffusers", "numpy")


def benchmark(
    only: Annotated[list[str] | None, Option(help=f"{', '.join(ROWS)}; default: all.")] = None,
    output: Annotated[Path | None, Option(help="Folder for report.md and report.json.")] = None,
    as_json: Json = False,
) -> None:
    """Measure parity of exported policies, ONNX Runtime beside the training framework, and verification.

    Example: physai training benchmark --only verify --output training/benchmarks
    """
    from physai.infrastructure import benchmark as measuring

    def row(name: str) -> measuring.Row:
        return measuring.Row(name, lambda: import_module(f"{__package__}.{name}").measure())

    report = measuring.benchmark("training", [row(name) for name in ROWS], only=only or (), versions=VERSIONS)
    if output is not None:
        measuring.write_report(report, output)
    show(report, as_json, measuring.report_table(report))
