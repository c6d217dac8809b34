"""Small real policies for Gymnasium's classic control, as whole packages."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from physai.infrastructure.contracts import PolicyPackage, TensorSpec, digest_file

STATE, ACTION = "observation.state", "action"
CARTPOLE, PENDULUM = "gymnasium:CartPole-v1", "gymnasium:Pendulum-v1"
BALANCE = np.array([0.05, 0.1, 1.0, 0.5], np.float32)  # cart position and speed, pole angle and speed
CHUNK = 4


def linear(folder: Path, task: str, weights: np.ndarray, **changes: object) -> Path:
    """action[n, k] = state[n] @ weights for each k of a chunk."""
    folder.mkdir(parents=True)
    size, actions = weights.shape
    constants = {"weights": weights.astype(np.float32), "ones": np.ones((1, CHUNK, 1), np.float32)}
    nodes = [
        helper.make_node("MatMul", [STATE, "weights"], ["scored"]),
        helper.make_node("Unsqueeze", ["scored", "axis"], ["row"]),
        helper.make_node("Mul", ["row", "ones"], [ACTION]),
    ]
    graph = helper.make_graph(
        nodes,
        "linear",
        [helper.make_tensor_value_info(STATE, TensorProto.FLOAT, ["N", size])],
        [helper.make_tensor_value_info(ACTION, TensorProto.FLOAT, ["N", CHUNK, actions])],
        [numpy_helper.from_array(np.array([1], np.int64), "axis")]
        + [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), folder / "policy.onnx"
    )
    state = np.linspace(-1, 1, 3 * size, dtype=np.float32).reshape(3, size)
    action = np.repeat((state @ weights.astype(np.float32))[:, None], CHUNK, axis=1)
    np.savez(folder / "golden.npz", **{STATE: state, ACTION: action})
    package = PolicyPackage(
        name="linear",
        policy_type="linear",
        task=task,
        robot=task.partition(":")[2],
        inputs=(TensorSpec(name=STATE, dtype="float32", shape=(size,)),),
        outputs=(TensorSpec(name=ACTION, dtype="float32", shape=(CHUNK, actions)),),
        rate_hz=50.0,
        action_meaning="scores",
        action_steps=1,
        limits=(),
        run_id="0123",
        training_steps=0,
        commit="unknown",
        opset=18,
        parity_max_abs=0.0,
        files={name: digest_file(folder / name) for name in ("policy.onnx", "golden.npz")},
    )
    package.model_copy(update=changes).write(folder / "package.json")
    return folder


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
