"""Measurements beside a peer in the same run, and the report that is committed with machine and versions."""

import platform
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from pydantic import AwareDatetime, Field

from .aside import write_whole
from .console import stderr
from .contracts import Contract, Document
from .errors import PhysaiError, suggest
from .jobs.machine import this_machine

if TYPE_CHECKING:
    from rich.table import Table

JSON_FILE, MARKDOWN_FILE = "report.json", "report.md"


class UnknownRowError(PhysaiError):
    """A row that is not measured here was asked for."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(f"benchmark '{name}' is unknown. {suggest(name, known)}")


class Result(Contract):
    """One number, what it should be, and what a peer does on the same input in the same run."""

    row: str = ""
    """Name of the row that measured it; filled in by `benchmark`."""
    what: str
    """What was done, e.g. `convert 2 cameras 640x480, 30 Hz, JPEG`."""
    ours: float
    unit: str
    goal: float | None = None
    higher_is_better: bool = True
    peer: float | None = None
    peer_name: str = ""
    note: str = ""
    """What a reader must know: why it falls short, what was held fixed."""

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None without one."""
        if self.goal is None:
            return None
        return self.ours >= self.goal if self.higher_is_better else self.ours <= self.goal


class Row(NamedTuple):
    """Something that can be measured by its name."""

    name: str
    measure: Callable[[], Result | Sequence[Result]]


class BenchmarkMachine(Contract):
    """Where it was measured."""

    processor: str
    cores: int
    """Usable by this process."""
    memory_gib: float
    gpus: tuple[str, ...] = ()
    system: str
    python: str


class BenchmarkReport(Document):
    """All results of one run."""

    kind: Literal["benchmark-report"] = "benchmark-report"
    version: Literal[1] = 1
    domain: str
    measured_at: AwareDatetime
    seconds: float = Field(ge=0)
    commit: str
    """Git commit, with `+` if the tree had changes; `unknown` outside of a checkout."""
    machine: BenchmarkMachine
    versions: dict[str, str]
    """Distribution → version."""
    results: tuple[Result, ...]


def benchmark(
    domain: str, rows: Sequence[Row], *, only: Sequence[str] = (), versions: Sequence[str] = ()
) -> BenchmarkReport:
    """Measure rows one after another.

    Args:
        domain: Name as in the command, e.g. `data-pipeline`.
        rows: What can be measured.
        only: Names of the rows to measure; empty measures all.
        versions: Distributions whose versions belong into the report.

    Raises:
        UnknownRowError: If `only` names a row that is not there.
    """
    known = [row.name for row in rows]
    for name in only:
        if name not in known:
            raise UnknownRowError(name, known)
    start = time.monotonic()
    results: list[Result] = []
    for row in (row for row in rows if not only or row.name in only):
        stderr.print(f"measuring {row.name}")
        found = row.measure()
        several = (found,) if isinstance(found, Result) else found
        results += [result.model_copy(update={"row": row.name}) for result in several]
    return BenchmarkReport(
        domain=domain,
        measured_at=datetime.now(UTC).replace(microsecond=0),
        seconds=round(time.monotonic() - start, 1),
        commit=_commit(),
        machine=machine(),
        versions={name: _version(name) for name in versions},
        results=tuple(results),
    )


def machine() -> BenchmarkMachine:
    """This machine, in words."""
    usable = this_machine()
    return BenchmarkMachine(
        processor=_processor(),
        cores=usable.cores,
        memory_gib=round(usable.memory_bytes / 2**30, 1),
        gpus=usable.gpus,
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
    )


def write_report(report: BenchmarkReport, folder: Path) -> Path:
    """Write `report.json` and `report.md` into a folder; the path of the latter."""
    report.write(folder / JSON_FILE)
    return write_whole(folder / MARKDOWN_FILE, markdown(report).encode())


def markdown(report: BenchmarkReport) -> str:
    """The report for people."""
    where = report.machine
    gpus = f", GPUs {', '.join(where.gpus)}" if where.gpus else ", no GPU"
    lines = [
        f"# {report.domain}: measured",
        "",
        f"`physai {report.domain} benchmark`, {report.measured_at:%Y-%m-%d %H:%M} UTC, {report.seconds:.0f} s, "
        f"commit `{report.commit}`. {where.processor}, {where.cores} cores, {where.memory_gib:g} GiB{gpus}; "
        f"{where.system}, Python {where.python}.",
        "",
        f"Versions: {', '.join(f'{name} {number}' for name, number in report.versions.items()) or 'none named'}.",
        "",
        "| row | what | ours | goal | peer | |",
        "|---|---|---:|---:|---:|---|",
    ]
    lines += [
        "| " + " | ".join(cell.replace("|", "\\|") for cell in _cells(result)) + " |" for result in report.results
    ]
    notes = [f"- **{result.what}**: {result.note}" for result in report.results if result.note]
    return "\n".join([*lines, *(["", *notes] if notes else []), ""])


def report_table(report: BenchmarkReport) -> "Table":
    """The report for a terminal."""
    from rich.table import Table

    table = Table("row", "what", "ours", "goal", "peer", "", title=f"{report.domain} on {report.machine.processor}")
    for result in report.results:
        table.add_row(*_cells(result))
    return table


def _cells(result: Result) -> tuple[str, ...]:
    sign = ("≥ " if result.higher_is_better else "≤ ") if result.goal is not None else ""
    goal = f"{sign}{_number(result.goal)}" if result.goal is not None else ""
    peer = f"{_number(result.peer)} ({result.peer_name})" if result.peer is not None else ""
    verdict = {None: "", True: "met", False: "**short**"}[result.met]
    return result.row, result.what, f"{_number(result.ours)} {result.unit}", goal, peer, verdict


def _number(value: float) -> str:
    """Three digits that count, and no exponent for numbers of everyday size."""
    if value == 0 or 1e-3 <= abs(value) < 1e3:
        return f"{value:.3g}"
    return f"{value:,.0f}" if abs(value) >= 1e3 else f"{value:.2g}"


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _commit() -> str:
    def git(*arguments: str) -> str:
        folder = Path(__file__).resolve().parent
        return subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True).stdout.strip()

    try:
        commit = git("rev-parse", "--short", "HEAD")
        return (commit + ("+" if git("status", "--porcelain", "--untracked-files=no") else "")) or "unknown"
    except FileNotFoundError:
        return "unknown"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"
