"""Run the measurements and write them down with the machine they were made on."""

import importlib
import os
import platform
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from pydantic import AwareDatetime

from physai.infrastructure.aside import write_whole
from physai.infrastructure.console import stderr
from physai.infrastructure.contracts import Contract

from .rows import Measure, Row

LIBRARIES = ("cryptography", "numpy", "onnxruntime", "pydantic")


class Report(Contract):
    """One run of the benchmark."""

    measured_at: AwareDatetime
    machine: str
    versions: dict[str, str]
    rows: tuple[Row, ...]


def measure(sources: Sequence[str]) -> Report:
    """Run measurements, one after another.

    Args:
        sources: Functions as `module:name`.
    """
    rows: list[Row] = []
    for source in sources:
        module, _, name = source.partition(":")
        stderr.print(f"measuring {module.rsplit('.', 1)[-1]}")
        function: Measure = getattr(importlib.import_module(module), name)
        with tempfile.TemporaryDirectory(prefix="physai-benchmark-") as folder:
            rows += function(Path(folder))
    return Report(measured_at=datetime.now(UTC), machine=machine(), versions=versions(), rows=tuple(rows))


def machine() -> str:
    """Processor, cores and system."""
    text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    return (
        f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}"
    )


def versions() -> dict[str, str]:
    """Of Python and of what the numbers hang on."""
    return {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}


def write(report: Report, folder: Path) -> None:
    """Write `fleet-deployment.json` and `.md`."""
    write_whole(folder / "fleet-deployment.json", (report.model_dump_json(indent=2) + "\n").encode())
    write_whole(folder / "fleet-deployment.md", markdown(report).encode())


def markdown(report: Report) -> str:
    """The report for people."""
    lines = [
        "# Fleet deployment, measured",
        "",
        "`physai fleet-deployment benchmark` wrote this page.",
        "",
        f"{report.measured_at:%Y-%m-%d %H:%M} UTC, on {report.machine}; "
        + ", ".join(f"{name} {number}" for name, number in report.versions.items())
        + ".",
        "",
        "| measured | value | goal | met | beside | note |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.name} | {row.value:.4g} {row.unit} | {row.goal} | {_met(row)} | {row.peer} | {row.note} |"
        for row in report.rows
    ]
    return "\n".join(lines) + "\n"


def _met(row: Row) -> str:
    return "yes" if row.met else "**no**"
