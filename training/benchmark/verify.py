"""How long a robot waits until it knows that a package is for it."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from physai.infrastructure.benchmark import Result
from physai.infrastructure.settings import settings

from ..il.recipe import Recipe
from ..il.train import train
from ..packaging.build import build
from .demonstrations import write_demonstrations

TIMES = 7


def measure() -> Result:
    """The whole command, from the start of its process, on a package of a small ACT."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["PHYSAI_HOME"] = name
        settings.cache_clear()
        data = write_demonstrations(folder / "dataset")
        train(data, Recipe.of("act", "state", steps=2, batch_size=8), folder / "run")
        build(folder / "run", folder / "package")
        command = [str(Path(sys.executable).with_name("physai")), "training", "package", "verify"]
        fits = ["--robot=ur10", "--rate-hz=30", f"--statistics={data / 'meta/stats.json'}"]
        taken = [_seconds([*command, str(folder / "package"), *fits, "--json"]) for _ in range(TIMES)]
    return Result(
        what="physai training package verify, from the start of the process, median",
        ours=float(np.median(taken)),
        unit="s",
        goal=1.0,
        higher_is_better=False,
        note=f"{TIMES} times, {min(taken):.2f} to {max(taken):.2f} s: digests, golden vectors, robot, rate, statistics",
    )


def _seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start
