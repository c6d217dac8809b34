"""Does the graph do what LeRobot does? Asked on the whole path, from raw observation to robot command."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..errors import ParityError
from ..il.demonstrations import ACTION
from ..il.policy import TrainablePolicy
from .graph import GRAPHS, NOISE, PolicyGraph

BOUND = 1e-5
"""Largest difference allowed, relative to the larger of 1 and the greatest action; float32 has seven digits."""
SEED = 0
SPREAD = 3.0
"""Random observations reach this many deviations from the mean of the training data."""

type Arrays = dict[str, NDArray[np.float32]]


def random_inputs(made: TrainablePolicy, graph: PolicyGraph, count: int, seed: int = SEED) -> Arrays:
    """Observations from a box around the training data, camera pixels anywhere in 0..1, and noise."""
    rng = np.random.default_rng(seed)
    stats = {name: value.cpu().numpy() for step in made.pre.steps for name, value in step.state_dict().items()}
    inputs: Arrays = {}
    for name, feature in made.policy.config.input_features.items():
        values = rng.random((count, *history_of(made), *feature.shape))
        if len(feature.shape) == 1:
            values = stats[f"{name}.mean"] + SPREAD * (2 * values - 1) * stats[f"{name}.std"]
        inputs[name] = values.astype(np.float32)
    return inputs | noise_for(graph, count, seed)


def noise_for(graph: PolicyGraph, count: int, seed: int = SEED) -> Arrays:
    """Standard normal noise as the graph takes it, (N, …); nothing if it takes none."""
    if graph.noise is None:
        return {}
    return {NOISE: np.random.default_rng([seed, 1]).standard_normal((count, *graph.noise), dtype=np.float32)}


def history_of(made: TrainablePolicy) -> tuple[int, ...]:
    """The time axis of this policy's observations: of no length if it sees the present alone."""
    seen = made.window.observation
    return () if seen is None else (len(seen),)


def ask_lerobot(made: TrainablePolicy, inputs: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
    """Chunks by LeRobot's own `predict_action_chunk` between its own processors, shape (N, chunk, A)."""
    kind, noise, batch = _taken_apart(made, inputs)
    made.policy.reset()
    with torch.no_grad(), kind.fixed(noise) as handed:
        seen = kind.remembered(made.policy, made.pre(batch))
        chunks = made.post(made.policy.predict_action_chunk(seen, **handed))
    return np.asarray(chunks.float().cpu().numpy())


def play_lerobot(made: TrainablePolicy, given: Mapping[str, NDArray[np.float32]], steps: int) -> Any:
    """What a robot is sent over `steps` calls of LeRobot's `select_action`, shape (steps, A).

    Args:
        made: The policy.
        given: One observation, without batch and history, as from a robot; noise with a batch of one.
        steps: Calls.
    """
    kind, noise, row = _taken_apart(made, given)
    made.policy.reset()
    with torch.no_grad(), kind.fixed(noise) as handed:
        actions = [made.post(made.policy.select_action(made.pre(dict(row)), **handed))[0] for _ in range(steps)]
    return np.stack([action.numpy() for action in actions])


def _taken_apart(
    made: TrainablePolicy, inputs: Mapping[str, NDArray[np.float32]]
) -> tuple[type[PolicyGraph], torch.Tensor | None, dict[str, Any]]:
    """How LeRobot is asked for a policy of this kind, the noise, and the observations."""
    tensors = {name: torch.from_numpy(values) for name, values in inputs.items()}
    noise = tensors.pop(NOISE, None)
    return GRAPHS[made.policy.config.type], noise, tensors


def check(made: TrainablePolicy, session: Any, inputs: Arrays, checkpoint: Path) -> tuple[Arrays, float]:
    """Compare graph and policy on these inputs.

    Args:
        made: The policy, in PyTorch.
        session: The graph, in ONNX Runtime.
        inputs: Name → (N, …).
        checkpoint: Named in the error.

    Returns:
        The inputs with the policy's answers under `action`, and the largest difference.

    Raises:
        ParityError: If they differ by more than `BOUND`.
    """
    wanted = ask_lerobot(made, inputs)
    answered = session.run([ACTION], inputs)[0]
    worst = _difference(wanted, answered, "predict_action_chunk", checkpoint)
    steps, past = made.action_steps, history_of(made)
    for index in range(len(wanted)):
        now = {n: v[index, -1] if past and n != NOISE else v[index] for n, v in inputs.items()}
        row = {n: v[None] if n == NOISE else np.broadcast_to(v, (1, *past, *v.shape)).copy() for n, v in now.items()}
        single = session.run([ACTION], row)[0][0, :steps]
        given = {n: v[None] if n == NOISE else v for n, v in now.items()}
        worst = max(worst, _difference(play_lerobot(made, given, steps), single, "select_action", checkpoint))
    return {**inputs, ACTION: wanted}, worst


def _difference(wanted: NDArray[np.float32], got: NDArray[np.float32], path: str, checkpoint: Path) -> float:
    difference = float(np.abs(wanted - got).max()) if wanted.shape == got.shape else float("inf")
    bound = BOUND * max(1.0, float(np.abs(wanted).max()))
    if not difference <= bound:  # also refuses not-a-number
        raise ParityError(checkpoint, path, difference, bound)
    return difference
