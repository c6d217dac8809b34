"""Time of one step of a packaged 3x512 MLP, in ONNX Runtime as robots open it, beside the same actor in PyTorch."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from physai.infrastructure.benchmark import Result
from physai.infrastructure.registry.verify import GRAPH_FILE, open_session

from ..packaging.actors import build, open_run
from .actor_runs import write_run

KIND, STEPS = "MLP 3x512", 5000


def measure() -> Result:
    """One row at a time on one thread, the first hundred steps left out."""
    with tempfile.TemporaryDirectory() as root:
        run, package = write_run(Path(root) / "run", KIND), Path(root) / "package"
        build(run, package)
        found, session = open_run(run, "last"), open_session(package / GRAPH_FILE, rows=1)
        seen = np.zeros((1, 14), dtype=np.float32)
        ours = _p99_ms(lambda: session.run(None, {"observation.policy": seen}))
        torch.set_num_threads(1)

        def ask() -> None:
            raw, _ = found.actor.ask({"policy": found.graph.clean[0](torch.from_numpy(seen))}, ())
            found.graph.to_command(raw).numpy()

        peer = _p99_ms(ask)
    return Result(
        what=f"a step of {KIND}, one robot, p99 of {STEPS}",
        ours=ours,
        unit="ms",
        goal=1.0,
        higher_is_better=False,
        peer=peer,
        peer_name="RSL-RL in PyTorch",
    )


def _p99_ms(step: Callable[[], object]) -> float:
    times_ms = []
    for _ in range(STEPS + 100):
        began = time.perf_counter()
        step()
        times_ms.append((time.perf_counter() - began) * 1e3)
    return float(np.percentile(times_ms[100:], 99))
