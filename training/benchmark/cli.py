"""The command that measures training and packaging."""

from importlib import import_module
from pathlib import Path
from typing import Annotated

from typer import Option

from physai.infrastructure.console import Json, show

ROWS = ("imitation", "providers", "verify", "rl-parity", "rl-latency", "rl-overhead")
"""Each a module of this folder with a function `measure`."""
VERSIONS = (
    "lerobot",
    "isaaclab",
    "rsl-rl-lib",
    "skrl",
    "torch",
    "onnx",
    "onnxruntime",
    "diffusers",
    "mlflow",
    "numpy",
)


def benchmark(
    only: Annotated[list[str] | None, Option(help=f"{', '.join(ROWS)}; default: all.")] = None,
    output: Annotated[Path | None, Option(help="Folder for report.md and report.json.")] = None,
    as_json: Json = False,
) -> None:
    """Measure parity of exported policies, runtimes beside training frameworks, verification, and RL's overhead.

    Example: physai training benchmark --only verify --output training/benchmarks
    """
    from physai.infrastructure import benchmark as measuring

    def row(name: str) -> measuring.Row:
        module = f"{__package__}.{name.replace('-', '_')}"
        return measuring.Row(name, lambda: import_module(module).measure())

    report = measuring.benchmark("training", [row(name) for name in ROWS], only=only or (), versions=VERSIONS)
    if output is not None:
        measuring.write_report(report, output)
    show(report, as_json, measuring.report_table(report))
