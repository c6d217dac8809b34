"""Time of one answer of packages on each ONNX Runtime execution provider of this machine; a row for each that ran."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from physai.infrastructure.benchmark import Result
from physai.infrastructure.settings import settings

from ..il.recipe import Recipe
from ..il.train import train
from ..packaging.actors import build as build_actor
from ..packaging.build import build
from ..packaging.latency import measure as measure_package
from .actor_runs import write_run
from .demonstrations import write_demonstrations

ACTORS = ("MLP 3x512", "LSTM 2x128", "CNN 48x48")
ACT = "ACT, state, 171 k parameters"


def measure() -> list[Result]:
    """Actors with random weights, and an ACT of a few steps: what they answer makes no difference to the time."""
    with tempfile.TemporaryDirectory() as name:
        return [result for kind, package in _packages(Path(name)) for result in _rows(kind, package)]


def _packages(folder: Path) -> Iterator[tuple[str, Path]]:
    for kind in ACTORS:
        build_actor(write_run(folder / f"run {kind}", kind), folder / kind)
        yield kind, folder / kind
    os.environ["PHYSAI_HOME"] = str(folder)
    settings.cache_clear()
    data = write_demonstrations(folder / "dataset")
    train(data, Recipe.of("act", "state", steps=2, batch_size=8), folder / "run")
    build(folder / "run", folder / ACT)
    yield ACT, folder / ACT


def _rows(kind: str, package: Path) -> list[Result]:
    found = measure_package(package)
    return [
        Result(
            what=f"{kind}: one robot, {row.provider}, median of {found.steps}",
            ours=row.p50_ms,
            unit="ms",
            higher_is_better=False,
            note=f"p99 {row.p99_ms:.3f} ms; differs from the golden answers by {row.max_abs_difference:.1e} at most",
        )
        for row in found.rows
    ]
