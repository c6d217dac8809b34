"""Writes tiny real policy packages: an ONNX graph, golden vectors from ONNX Runtime, and their contract."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from physai.infrastructure.contracts import JointLimits, PolicyPackage, TensorSpec, digest_file

JOINTS = (
    "shoulder_pan_joint",
    "shoulder_lift_joint",
    "elbow_joint",
    "wrist_1_joint",
    "wrist_2_joint",
    "wrist_3_joint",
)
CHUNK = 8
TWO_PI = 6.2831


def make_package(folder: Path, *, shift_rad: float = 0.0, **fields: Any) -> Path:
    """A package whose every action is the measured position, plus `shift_rad` on every joint.

    Args:
        folder: Where to; created.
        shift_rad: Tells packages apart; nan makes a policy that is not to be trusted.
        fields: Other values for `package.json`.
    """
    folder.mkdir(parents=True)
    onnx.save(_graph(shift_rad), folder / "policy.onnx")
    _write_golden(folder)
    files = {name: digest_file(folder / name) for name in ("policy.onnx", "golden.npz")}
    names = {"elements": JOINTS, "units": ("rad",) * 6}
    contract: dict[str, Any] = {
        "name": "reach",
        "policy_type": "act",
        "task": "Isaac-Reach-UR10",
        "robot": "ur10",
        "inputs": (
            TensorSpec(name="observation.state", dtype="float32", shape=(6,), **names),
            TensorSpec(name="observation.environment_state", dtype="float32", shape=(7,)),
        ),
        "outputs": (TensorSpec(name="action", dtype="float32", shape=(CHUNK, 6), **names),),
        "rate_hz": 30.0,
        "action_meaning": "absolute-joint-position",
        "action_steps": 4,
        "limits": tuple(JointLimits(joint=joint, lower_rad=-TWO_PI, upper_rad=TWO_PI) for joint in JOINTS),
        "dataset": "sha256:" + "0" * 64,
        "run_id": "0123456789abcdef",
        "training_steps": 1,
        "commit": "unknown",
        "opset": 17,
        "parity_max_abs": 0.0,
        "files": files,
    }
    PolicyPackage(**contract | fields).write(folder / "package.json")
    return folder


def _graph(shift_rad: float) -> onnx.ModelProto:
    """action = state + 0 * target + shift, repeated over the chunk."""
    batch = "batch"
    weights = {
        "weight": np.zeros((7, 6), dtype=np.float32),
        "shift": np.full(6, shift_rad, dtype=np.float32),
        "axis": np.array([1], dtype=np.int64),
        "repeats": np.array([1, CHUNK, 1], dtype=np.int64),
    }
    nodes = [
        helper.make_node("MatMul", ["observation.environment_state", "weight"], ["pull"]),
        helper.make_node("Add", ["observation.state", "pull"], ["moved"]),
        helper.make_node("Add", ["moved", "shift"], ["shifted"]),
        helper.make_node("Unsqueeze", ["shifted", "axis"], ["one"]),
        helper.make_node("Tile", ["one", "repeats"], ["action"]),
    ]
    graph = helper.make_graph(
        nodes,
        "hold",
        [
            helper.make_tensor_value_info("observation.state", TensorProto.FLOAT, [batch, 6]),
            helper.make_tensor_value_info("observation.environment_state", TensorProto.FLOAT, [batch, 7]),
        ],
        [helper.make_tensor_value_info("action", TensorProto.FLOAT, [batch, CHUNK, 6])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)


def _write_golden(folder: Path) -> None:
    rng = np.random.default_rng(0)
    inputs = {
        "observation.state": rng.uniform(-1, 1, (4, 6)).astype(np.float32),
        "observation.environment_state": rng.uniform(-1, 1, (4, 7)).astype(np.float32),
    }
    session = onnxruntime.InferenceSession(folder / "policy.onnx", providers=["CPUExecutionProvider"])
    np.savez(folder / "golden.npz", **inputs, action=session.run(["action"], inputs)[0])
