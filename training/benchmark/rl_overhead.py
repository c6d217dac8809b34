"""Steps per second of `physai training rl train` beside bare `isaaclab train`, in pairs.

Both by wall time between the ends of two iterations: the bare run's by the times of its TensorBoard
events, ours by the progress that the worker tells.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from physai.infrastructure.benchmark import Result

from ..errors import TrainingError
from ..rl.recipe import Library, Recipe
from ..rl.train import train

TASK, ENVS, SETTLED, ITERATIONS, PAIRS = "Isaac-Cartpole", 512, 4, 24, 3
STEPS_PER_ITERATION = 16  # of each environment, by the task's agent


def measure() -> Result:
    """Pairs in turn, so that what else the machine does meets both."""
    with tempfile.TemporaryDirectory() as root:
        pairs = [(_ours(Path(root) / f"ours{pair}"), _bare(Path(root) / f"bare{pair}")) for pair in range(PAIRS)]
    ours, bare = (statistics.median(rates) for rates in zip(*pairs, strict=True))
    ratios = [f"{mine / theirs:.3f}" for mine, theirs in pairs]
    return Result(
        what=f"{TASK}, RSL-RL, {ENVS} environments: share of bare speed, median of {PAIRS} pairs",
        ours=statistics.median(mine / theirs for mine, theirs in pairs),
        unit="ratio",
        goal=0.98,
        peer=1.0,
        peer_name=f"isaaclab train, {bare:,.0f} steps/s",
        note=f"Iterations {SETTLED} to {ITERATIONS}; ours {ours:,.0f} steps/s; pairs {', '.join(ratios)}. "
        "Ours logs every scalar and the machine's load to MLflow (SQLite), counts successes, and saves one checkpoint.",
    )


def _rate(seconds: float) -> float:
    return (ITERATIONS - SETTLED) * STEPS_PER_ITERATION * ENVS / seconds


def _ours(folder: Path) -> float:
    code = f"from pathlib import Path; from {__name__} import clocked; print(clocked(Path({str(folder)!r})))"
    environment = {**os.environ, "PHYSAI_HOME": str(folder / "home"), "PHYSAI_ASSET_ROOT": _assets()}
    return _rate(float(_run([sys.executable, "-c", code], environment).splitlines()[-1]))


def clocked(folder: Path) -> float:
    """Seconds from the end of iteration `SETTLED` to that of the last, in this process."""
    ends: dict[int, float] = {}

    def note(iteration: int, _total: int, _success: float | None, _steps_per_s: float) -> None:
        ends[iteration] = time.monotonic()

    recipe = Recipe(task=TASK, library=Library.RSL_RL, num_envs=ENVS, iterations=ITERATIONS)
    train(recipe, folder / "run", progress=note)
    return ends[ITERATIONS] - ends[SETTLED]


def _bare(folder: Path) -> float:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder.mkdir()
    isaaclab = Path(sys.executable).with_name("isaaclab")
    words = f"train --rl_library rsl_rl --task {TASK} --num_envs {ENVS} --max_iterations {ITERATIONS} --device cpu"
    environment = {**os.environ, "ISAACSIM_ASSET_ROOT": _assets()}
    _run([str(isaaclab), *words.split(), "agent.device=cpu"], environment, folder)
    events = EventAccumulator(str(next(folder.rglob("events.out.*")).parent)).Reload()
    ends = {event.step + 1: event.wall_time for event in events.Scalars("Perf/total_fps")}
    return _rate(ends[ITERATIONS] - ends[SETTLED])


def _assets() -> str:
    from physai.infrastructure.settings import settings
    from physai.infrastructure.simulation.launcher import prepare

    prepare()
    return str(settings().asset_root)


def _run(command: list[str], environment: dict[str, str], folder: Path | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder)
    if done.returncode:
        raise TrainingError(f"{' '.join(command[:3])}: {(done.stderr.strip().splitlines() or ['no word'])[-1]}")
    return done.stdout
