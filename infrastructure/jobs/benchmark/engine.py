"""The engine's own time: what a task costs on top of its command, and how long a large workflow takes to plan."""

import subprocess
import tempfile
import time
from pathlib import Path

from ...benchmark import Result
from ..check import read_workflow
from ..machine import Machine
from ..plan import make_plan
from ..run import run_workflow

CHAIN = 200
MANY = 1_000
ONE_CORE = Machine(1, 2**33)


def measure_overhead() -> Result:
    """A chain of tasks that do nothing, beside the same commands one after another."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = _workflow(folder, CHAIN, chained=True)
        start = time.perf_counter()
        run_workflow(path, run_dir=folder / "run", machine=ONE_CORE).raise_for_failure()
        ours_s = time.perf_counter() - start
    return Result(
        what=f"one task in a chain of {CHAIN}, on top of its command",
        ours=(ours_s - (plain_s := _plainly(CHAIN))) / CHAIN * 1e3,
        unit="ms",
        goal=50.0,
        higher_is_better=False,
        peer=plain_s / CHAIN * 1e3,
        peer_name="subprocess.run alone",
        note="state on disk before and after each task, log, folder, guard and identity are in it",
    )


def measure_many() -> Result:
    """Independent tasks on all cores."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = _workflow(folder, MANY, chained=False)
        start = time.perf_counter()
        run_workflow(path, run_dir=folder / "run").raise_for_failure()
        ours_s = time.perf_counter() - start
    return Result(
        what=f"one task of {MANY} independent ones, its command in it",
        ours=ours_s / MANY * 1e3,
        unit="ms",
        goal=50.0,
        higher_is_better=False,
        peer=_plainly(CHAIN) / CHAIN * 1e3,
        peer_name="subprocess.run alone",
    )


def measure_planning() -> Result:
    """From the file to waves and shares."""
    with tempfile.TemporaryDirectory() as name:
        path = _workflow(Path(name), MANY, chained=True)
        start = time.perf_counter()
        waves = make_plan(read_workflow(path).workflow, ONE_CORE).waves()
        ours_s = time.perf_counter() - start
        assert len(waves) == MANY
    return Result(
        what=f"read, check and plan a chain of {MANY} tasks", ours=ours_s, unit="s", goal=2.0, higher_is_better=False
    )


def _workflow(folder: Path, tasks: int, *, chained: bool) -> Path:
    lines = ["workflow:", "  name: measured", "  resources: {default: {cpu: 1}}", "  tasks:"]
    for number in range(tasks):
        inputs = f", inputs: [{{task: t{number - 1}}}]" if chained and number else ""
        lines.append(f"  - {{name: t{number}, image: none, command: ['true']{inputs}}}")
    path = folder / "measured.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path


def _plainly(times: int) -> float:
    """Seconds for the same command without an engine."""
    start = time.perf_counter()
    for _ in range(times):
        subprocess.run(["true"], check=True)
    return time.perf_counter() - start
