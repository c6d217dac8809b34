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

BOUND = 1e-5
"""Largest difference allowed, in the action's unit."""
SEED = 0
SPREAD = 3.0
"""Random observations reach this many deviations from the mean of the training data."""

type Arrays = dict[str, NDArray[np.float32]]


def random_observations(made: TrainablePolicy, count: int) -> Arrays:
    """Observations from a box around the training data; camera pixels anywhere in 0..1."""
    rng = np.random.default_rng(SEED)
    stats = {name: value.cpu().numpy() for step in made.pre.steps for name, value in step.state_dict().items()}
    observations: Arrays = {}
    for name, feature in made.policy.config.input_features.items():
        noise = rng.random((count, *feature.shape))
        if len(feature.shape) == 1:
            noise = stats[f"{name}.mean"] + SPREAD * (2 * noise - 1) * stats[f"{name}.std"]
        observations[name] = noise.astype(np.float32)
    return observations


def ask_lerobot(made: TrainablePolicy, observations: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
    """Chunks by LeRobot's own `predict_action_chunk` between its own processors, shape (N, chunk, A)."""
    batch = {name: torch.from_numpy(values) for name, values in observations.items()}
    with torch.no_grad():
        chunks = made.post(made.policy.predict_action_chunk(made.pre(batch)))
    return np.asarray(chunks.float().cpu().numpy())


def play_lerobot(made: TrainablePolicy, observation: Mapping[str, NDArray[np.float32]], steps: int) -> Any:
    """What a robot is sent over `steps` calls of LeRobot's `select_action`, one row, shape (steps, A)."""
    made.policy.reset()
    row = {name: torch.from_numpy(values) for name, values in observation.items()}  # without a batch, as from a robot
    with torch.no_grad():
        return np.stack([made.post(made.policy.select_action(made.pre(dict(row))))[0].numpy() for _ in range(steps)])


def check(made: TrainablePolicy, session: Any, observations: Arrays, checkpoint: Path) -> tuple[Arrays, float]:
    """Compare graph and policy on these observations.

    Args:
        made: The policy, in PyTorch.
        session: The graph, in ONNX Runtime.
        observations: Name → (N, …).
        checkpoint: Named in the error.

    Returns:
        The observations with the policy's answers under `action`, and the largest difference.

    Raises:
        ParityError: If they differ by more than `BOUND`.
    """
    wanted = ask_lerobot(made, observations)
    answered = session.run([ACTION], observations)[0]
    worst = _difference(wanted, answered, "predict_action_chunk", checkpoint)
    steps = made.policy.config.n_action_steps
    for index in range(len(wanted)):
        row = {name: values[index] for name, values in observations.items()}
        single = session.run([ACTION], {name: values[None] for name, values in row.items()})[0][0, :steps]
        worst = max(worst, _difference(play_lerobot(made, row, steps), single, "select_action", checkpoint))
    return {**observations, ACTION: wanted}, worst


def _difference(wanted: NDArray[np.float32], got: NDArray[np.float32], path: str, checkpoint: Path) -> float:
    difference = float(np.abs(wanted - got).max()) if wanted.shape == got.shape else float("inf")
    if not difference <= BOUND:  # also refuses not-a-number
        raise ParityError(checkpoint, path, difference, BOUND)
    return difference
