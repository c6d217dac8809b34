"""Packages of imitation policies: parity with LeRobot on the whole path, and time of a step on one CPU thread."""

import copy
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.benchmark import Result
from physai.infrastructure.registry.verify import GOLDEN_FILE, GRAPH_FILE, open_session, read_golden
from physai.infrastructure.settings import settings

from ..il import policy
from ..il.checkpoints import PRETRAINED
from ..il.demonstrations import ACTION
from ..il.recipe import Observation, Recipe
from ..il.train import train
from ..packaging.build import build
from ..packaging.graph import NOISE, DiffusionGraph, graph_of
from ..packaging.parity import ask_lerobot, history_of, play_lerobot, random_inputs
from ..run import find_checkpoint
from .demonstrations import write_demonstrations

INPUTS, SEED = 128, 7
STEPS, WARM_UP = 100, 10
SIDE_PX = 96


VQ_BET: dict[str, Any] = {"steps": 50, "options": {"n_vqvae_training_steps": 40}}
"""In fewer steps LeRobot's codes, running averages from zero, are hundreds of radians."""


class Case(NamedTuple):
    """A policy to measure."""

    name: str
    policy: str
    observation: Observation
    speedup: float | None
    """At least so many times as fast as LeRobot."""
    options: dict[str, Any]


CASES = (
    Case("ACT, state, 171 k parameters", "act", "state", 10, {}),
    Case(f"ACT, camera {SIDE_PX}x{SIDE_PX}, ResNet18", "act", "image", 2, {}),
    Case(f"VQ-BeT, camera {SIDE_PX}x{SIDE_PX}, ResNet18", "vqbet", "image", None, VQ_BET),
    Case("Diffusion, state, 4 DDIM steps", "diffusion", "state", None, {"dim": 16, "denoising_steps": 4}),
)


def measure() -> list[Result]:
    """Train each policy for a few steps, package it, and compare it with itself in LeRobot."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PHYSAI_HOME"] = folder
        settings.cache_clear()
        return [result for case in CASES for result in _measure(case, Path(folder))]


def _measure(case: Case, folder: Path) -> Iterator[Result]:
    data = folder / f"dataset-{case.observation}"
    if not data.exists():
        write_demonstrations(data, SIDE_PX if case.observation == "image" else 0)
    run, package = folder / f"run {case.name}", folder / f"package {case.name}"
    train(data, Recipe.of(case.policy, case.observation, **{"steps": 10, "batch_size": 8, **case.options}), run)
    contract = build(run, package)
    checkpoint = find_checkpoint(run, "last")[0] / PRETRAINED
    made = policy.load(checkpoint)
    made.policy.eval()
    session = open_session(package / GRAPH_FILE)
    graph = graph_of(made, checkpoint)
    inputs = random_inputs(made, graph, INPUTS, SEED)
    golden = read_golden(package / GOLDEN_FILE, contract)
    answers = ask_lerobot(made, inputs)
    ours = session.run([ACTION], inputs)[0]
    random = float(np.abs(ours - answers).max())
    singly = [ask_lerobot(made, {n: v[i : i + 1] for n, v in inputs.items()}) for i in range(INPUTS)]
    itself = float(np.abs(np.concatenate(singly) - answers).max())
    recorded = float(np.abs(session.run([ACTION], {n: golden[n] for n in inputs})[0] - golden[ACTION]).max())
    yield Result(
        what=f"{case.name}: largest difference from LeRobot, observation to command",
        ours=max(random, recorded),
        unit="rad",
        goal=1e-6,
        higher_is_better=False,
        peer=itself,
        peer_name="LeRobot, rows singly against its own batch",
        note=f"{INPUTS} random inputs {random:.2g}, {len(golden[ACTION])} golden {recorded:.2g}; actions reach "
        f"{np.abs(golden[ACTION]).max():.2g} rad, where float32 has steps of "
        f"{np.spacing(np.float32(np.abs(golden[ACTION]).max())):.1g}; noise held fixed",
    )
    if isinstance(graph, DiffusionGraph):
        exact = _in_float64(graph, inputs)
        yield Result(
            what=f"{case.name}: largest rounding, as difference from the same policy in float64",
            ours=float(np.abs(ours - exact).max()),
            unit="rad",
            higher_is_better=False,
            peer=float(np.abs(answers - exact).max()),
            peer_name="LeRobot's own, in float32",
            note=f"the {INPUTS} random inputs; both roundings add up in the difference from LeRobot",
        )
    row = {name: values[:1] for name, values in inputs.items()}
    robots = open_session(package / GRAPH_FILE, rows=1)
    step_ms = _median_ms(lambda: robots.run([ACTION], row))
    theirs = _median_ms(_step_of_lerobot(made, row))
    yield Result(
        what=f"{case.name}: one chunk, times as fast as LeRobot",
        ours=theirs / step_ms,
        unit="x",
        goal=case.speedup,
        peer=1.0,
        peer_name="select_action with its processors",
        note=f"ONNX Runtime {step_ms:.2f} ms, LeRobot {theirs:.2f} ms, medians of {STEPS}; one thread each",
    )


def _in_float64(graph: DiffusionGraph, inputs: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float64]:
    """What LeRobot's modules answer if nothing is rounded to float32 on the way, shape (N, chunk, A)."""
    import torch

    given = [torch.from_numpy(inputs[name]).double() for name in (*graph.inputs, NOISE)]
    wide = copy.deepcopy(graph).double()
    for name in ("alphas_cumprod", "final_alpha_cumprod"):  # constants of the sampler, which are no buffers
        setattr(wide.scheduler, name, getattr(wide.scheduler, name).double())
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # position embeddings are made in it
    try:
        with torch.no_grad():
            return np.asarray(wide(*given).numpy())
    finally:
        torch.set_default_dtype(before)


def _step_of_lerobot(made: policy.TrainablePolicy, row: dict[str, Any]) -> Callable[[], object]:
    """A step in which LeRobot's `select_action` has no action left over, and asks the policy."""
    past = history_of(made)
    seen = {n: v if n == NOISE else v[0, -1] if past else v[0] for n, v in row.items()}
    return lambda: play_lerobot(made, seen, 1)


def _median_ms(step: Callable[[], object]) -> float:
    policy.limit_threads()
    taken = []
    for _ in range(WARM_UP + STEPS):
        start = time.perf_counter()
        step()
        taken.append((time.perf_counter() - start) * 1e3)
    return float(np.median(taken[WARM_UP:]))
