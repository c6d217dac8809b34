"""A tiny real policy, and reports with outcomes of our choice."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from physai.evaluation.metrics import success_rate
from physai.evaluation.report import make_report
from physai.evaluation.sil.host import PolicyHost
from physai.evaluation.sil.served import ServedPolicy
from physai.evaluation.sil.server import running
from physai.infrastructure.contracts import (
    Condition,
    ConditionSet,
    EpisodeOutcome,
    EvaluationReport,
    JointLimits,
    PolicyResult,
    Role,
    TensorSpec,
    World,
    digest_bytes,
)

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
    constants = {
        "weights": np.zeros((7, 6), np.float32),
        "axis": np.array([1], np.int64),
        "factor": np.full((1, CHUNK, 1), gain, np.float32),
    }
    return graph(nodes, {STATE: (6,), TARGET: (7,)}, {ACTION: (CHUNK, 6)}, constants)


def build_package(folder: Path, gain: float = 1.0, **changes: object) -> Path:
    """A whole package around the linear graph; `changes` replace fields of its contract."""
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


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keeps every joint where it is."""
    return build_package(tmp_path_factory.mktemp("packages") / "hold")


@pytest.fixture(scope="session")
def other_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Doubles every joint angle."""
    return build_package(tmp_path_factory.mktemp("packages") / "double", gain=2.0)


@pytest.fixture
def make_package(tmp_path: Path) -> Callable[..., Path]:
    """Builds a package with fields of its contract replaced."""
    return lambda **changes: build_package(tmp_path / "package", **changes)


@pytest.fixture(scope="session")
def url(package: Path, other_package: Path) -> Iterator[str]:
    """A host that serves the two packages as `hold` and `double`, with bodies up to 100 kB."""
    policies = [ServedPolicy.load(package, "hold"), ServedPolicy.load(other_package, "double")]
    with running(PolicyHost(policies, max_body_bytes=100_000)) as url:
        yield url


def make_result(role: Role, outcomes: Sequence[bool], package: str | None = None) -> PolicyResult:
    """A result with these outcomes, condition by condition."""
    return PolicyResult(
        role=role,
        package=None if role == "expert" else package or digest_bytes(role.encode()),
        success=success_rate(outcomes),
        episodes=tuple(
            EpisodeOutcome(condition=i, success=ok, steps=40 if ok else 150, kpis={"final_error_m": 0.01 * i})
            for i, ok in enumerate(outcomes)
        ),
    )


def draw_conditions(n: int) -> ConditionSet:
    """Some conditions of the reach task."""
    condition = Condition(joint_pos_rad=(0.0, -1.7, 1.7, 0.0, 0.0, 0.0), command=(0.5, 0.0, 0.3, 0.0, 0.7, 0.0, 0.7))
    return ConditionSet(
        task="Isaac-Reach-UR10",
        world=World(name="nominal"),
        seed=1,
        horizon_s=5.0,
        joint_names=JOINTS,
        conditions=(condition,) * n,
    )


@pytest.fixture(scope="session")
def make_evaluation() -> Callable[..., EvaluationReport]:
    """Builds a report from outcomes by role, the candidate first."""

    def make(candidate_package: str | None = None, **outcomes: Sequence[bool]) -> EvaluationReport:
        results = [
            make_result(role, successes, candidate_package if role == "candidate" else None)  # type: ignore[arg-type]
            for role, successes in outcomes.items()
        ]
        return make_report(draw_conditions(len(results[0].episodes)), tuple(results))

    return make


@pytest.fixture(scope="session")
def make_conditions() -> Callable[[int], ConditionSet]:
    """Makes a set of so many conditions."""
    return draw_conditions
