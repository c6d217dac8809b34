"""A small recurrent policy for the UR10's reach task: an LSTM sees the joints, and moves them by what it remembers."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx import helper

from physai.evaluation.examples.packages import graph, write_package
from physai.evaluation.examples.reach import ACTION, JOINTS, STATE
from physai.infrastructure.contracts import JointLimits, RecurrentState, TensorSpec, digest_bytes

HIDDEN, REACH_RAD = 4, 0.1
CARRIED = {"h_in": "h_out", "c_in": "c_out"}
RAD = ("rad",) * 6


def build_lstm_package(folder: Path) -> Path:
    """A package whose action is the state it sees, moved by at most `HIDDEN * REACH_RAD` of what it remembers."""
    draws = np.random.default_rng(7)

    def drawn(*shape: int) -> NDArray[np.float32]:
        return draws.uniform(-0.5, 0.5, shape).astype(np.float32)

    nodes = [
        *(helper.make_node("Unsqueeze", [name, "first"], [f"{name}_1"]) for name in (STATE, *CARRIED)),
        helper.make_node(
            "LSTM", [f"{STATE}_1", "w", "r", "b", "", "h_in_1", "c_in_1"], ["", "h", "c"], hidden_size=HIDDEN
        ),
        *(helper.make_node("Squeeze", [name, "first"], [f"{name}_out"]) for name in ("h", "c")),
        helper.make_node("MatMul", ["h_out", "head"], ["move"]),
        helper.make_node("Add", [STATE, "move"], ["target"]),
        helper.make_node("Unsqueeze", ["target", "second"], [ACTION]),
    ]
    constants: dict[str, NDArray[Any]] = {
        "first": np.array([0], np.int64),
        "second": np.array([1], np.int64),
        "w": drawn(1, 4 * HIDDEN, 6),
        "r": drawn(1, 4 * HIDDEN, HIDDEN),
        "b": drawn(1, 8 * HIDDEN),
        "head": drawn(HIDDEN, 6) * 2 * REACH_RAD,
    }
    inputs = {STATE: (6,)} | dict.fromkeys(CARRIED, (HIDDEN,))
    outputs = {ACTION: (1, 6)} | dict.fromkeys(CARRIED.values(), (HIDDEN,))
    model = graph(nodes, inputs, outputs, constants)
    golden = {name: drawn(3, *shape) for name, shape in inputs.items()}
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    golden |= dict(zip(outputs, session.run([*outputs], golden), strict=True))
    carried = {
        name: TensorSpec(name=name, dtype="float32", shape=(HIDDEN,)) for pair in CARRIED.items() for name in pair
    }
    return write_package(
        folder,
        model,
        golden,
        name="lstm",
        policy_type="lstm",
        task="Isaac-Reach-UR10",
        robot="ur10",
        inputs=(
            TensorSpec(name=STATE, dtype="float32", shape=(6,), elements=JOINTS, units=RAD),
            *(carried[name] for name in CARRIED),
        ),
        outputs=(
            TensorSpec(name=ACTION, dtype="float32", shape=(1, 6), elements=JOINTS, units=RAD),
            *(carried[name] for name in CARRIED.values()),
        ),
        states=tuple(RecurrentState(input=before, output=after) for before, after in CARRIED.items()),
        rate_hz=30.0,
        action_meaning="absolute-joint-position",
        action_steps=1,
        limits=tuple(JointLimits(joint=joint, lower_rad=-3.0, upper_rad=3.0) for joint in JOINTS),
        dataset=digest_bytes(b"a dataset"),
    )


def replayed(package: Path, states: NDArray[np.float32]) -> NDArray[np.float32]:
    """What it does in one episode that begins with nothing remembered: actions (T, 6) for states (T, 6)."""
    session = onnxruntime.InferenceSession(package / "policy.onnx", providers=["CPUExecutionProvider"])
    carried = {name: np.zeros((1, HIDDEN), np.float32) for name in CARRIED}
    actions = []
    for state in states:
        action, *after = session.run([ACTION, *CARRIED.values()], {STATE: state[None], **carried})
        carried = dict(zip(CARRIED, after, strict=True))
        actions.append(action[0, 0])
    return np.stack(actions)
