"""A package for the UR10's reach task that multiplies the joint angles it sees: with 1 the robot holds still."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from physai.infrastructure.contracts import JointLimits, TensorSpec, digest_bytes

from .packages import graph, write_package

JOINTS = (
    "shoulder_pan_joint",
    "shoulder_lift_joint",
    "elbow_joint",
    "wrist_1_joint",
    "wrist_2_joint",
    "wrist_3_joint",
)
POSE = ("x", "y", "z", "qx", "qy", "qz", "qw")
POSE_UNITS = ("m", "m", "m", "1", "1", "1", "1")
CHUNK = 4
STATE, TARGET, ACTION = "observation.state", "observation.environment_state", "action"


def linear_graph(gain: float) -> onnx.ModelProto:
    """action[n, k] = gain * state[n] for each k of a chunk; the target is read and weighs nothing."""
    nodes = [
        helper.make_node("MatMul", [TARGET, "weights"], ["nothing"]),
        helper.make_node("Add", [STATE, "nothing"], ["sum"]),
        helper.make_node("Unsqueeze", ["sum", "axis"], ["row"]),
        helper.make_node("Mul", ["row", "factor"], [ACTION]),
    ]
    constants: dict[str, NDArray[Any]] = {
        "weights": np.zeros((7, 6), np.float32),
        "axis": np.array([1], np.int64),
        "factor": np.full((1, CHUNK, 1), gain, np.float32),
    }
    return graph(nodes, {STATE: (6,), TARGET: (7,)}, {ACTION: (CHUNK, 6)}, constants)


def build_package(folder: Path, gain: float = 1.0, **changes: object) -> Path:
    """A whole package around the linear graph.

    Args:
        folder: To make.
        gain: 1 keeps every joint where it is.
        changes: Fields of its contract.
    """
    state = np.linspace(-1, 1, 18, dtype=np.float32).reshape(3, 6)
    target = np.full((3, 7), 0.5, np.float32)
    action = np.repeat(gain * state[:, None], CHUNK, axis=1)
    fields: dict[str, object] = {
        "name": "linear",
        "policy_type": "linear",
        "task": "Isaac-Reach-UR10",
        "robot": "ur10",
        "inputs": (
            TensorSpec(name=STATE, dtype="float32", shape=(6,), elements=JOINTS, units=("rad",) * 6),
            TensorSpec(name=TARGET, dtype="float32", shape=(7,), elements=POSE, units=POSE_UNITS),
        ),
        "outputs": (TensorSpec(name=ACTION, dtype="float32", shape=(CHUNK, 6), elements=JOINTS, units=("rad",) * 6),),
        "rate_hz": 30.0,
        "action_meaning": "absolute-joint-position",
        "action_steps": 2,
        "limits": tuple(JointLimits(joint=joint, lower_rad=-3.0, upper_rad=3.0) for joint in JOINTS),
        "dataset": digest_bytes(b"a dataset"),
    }
    golden = {STATE: state, TARGET: target, ACTION: action}
    return write_package(folder, linear_graph(gain), golden, **fields | changes)
