"""Small real policies for Gymnasium's classic control, as whole packages."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import helper

from physai.infrastructure.contracts import TensorSpec

from .packages import graph, write_package

STATE, ACTION = "observation.state", "action"
CARTPOLE, PENDULUM = "gymnasium:CartPole-v1", "gymnasium:Pendulum-v1"
BALANCE = np.array([0.05, 0.1, 1.0, 0.5], np.float32)  # cart position and speed, pole angle and speed
CHUNK = 4


def linear(folder: Path, task: str, weights: NDArray[Any], **changes: object) -> Path:
    """action[n, k] = state[n] @ weights for each k of a chunk."""
    size, actions = weights.shape
    nodes = [
        helper.make_node("MatMul", [STATE, "weights"], ["scored"]),
        helper.make_node("Unsqueeze", ["scored", "axis"], ["row"]),
        helper.make_node("Mul", ["row", "ones"], [ACTION]),
    ]
    constants: dict[str, NDArray[Any]] = {
        "weights": weights.astype(np.float32),
        "axis": np.array([1], np.int64),
        "ones": np.ones((1, CHUNK, 1), np.float32),
    }
    state = np.linspace(-1, 1, 3 * size, dtype=np.float32).reshape(3, size)
    action = np.repeat((state @ constants["weights"])[:, None], CHUNK, axis=1)
    fields: dict[str, object] = {
        "name": "linear",
        "policy_type": "linear",
        "task": task,
        "robot": task.partition(":")[2],
        "inputs": (TensorSpec(name=STATE, dtype="float32", shape=(size,)),),
        "outputs": (TensorSpec(name=ACTION, dtype="float32", shape=(CHUNK, actions)),),
        "rate_hz": 50.0,
        "action_meaning": "scores",
        "action_steps": 1,
    }
    model = graph(nodes, {STATE: (size,)}, {ACTION: (CHUNK, actions)}, constants)
    return write_package(folder, model, {STATE: state, ACTION: action}, **fields | changes)


def balancing(folder: Path, **changes: object) -> Path:
    """Balances CartPole's pole: pushes towards where it falls."""
    return linear(folder, CARTPOLE, np.stack([-BALANCE, BALANCE], axis=1), **changes)


def falling(folder: Path) -> Path:
    """Always pushes away from it."""
    return linear(folder, CARTPOLE, np.stack([BALANCE, -BALANCE], axis=1))


def swinging(folder: Path, **changes: object) -> Path:
    """Damps Pendulum's speed, harder than the space allows."""
    fields: dict[str, object] = {"rate_hz": 20.0, "action_meaning": "joint-effort"}
    return linear(folder, PENDULUM, np.array([[0.0], [0.0], [-3.0]]), **fields | changes)
