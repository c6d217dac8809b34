"""What the policy host costs: a step through HTTP and gRPC beside the same graph in this process."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from physai.infrastructure.benchmark import Result
from physai.infrastructure.contracts import JointLimits, PolicyPackage, TensorSpec, digest_bytes, digest_file

from ..sil.grpc_host import running_grpc
from ..sil.host import PolicyHost
from ..sil.served import ServedPolicy
from ..sil.server import running

STEPS, WARM_UP = 2_000, 100
JOINTS = tuple(f"joint_{number}" for number in range(6))
WIDTH = 512
STATE, ACTION = "observation.state", "action"
Step = Callable[[NDArray[np.float32]], object]


def measure() -> list[Result]:
    """One observation at a time, and 32 at once."""
    with tempfile.TemporaryDirectory() as folder:
        policy = ServedPolicy.load(mlp_package(Path(folder) / "package"), "policy")
        return [result for rows in (1, 32) for result in _measure_rows(policy, rows)]


def _measure_rows(policy: ServedPolicy, rows: int) -> Iterator[Result]:
    direct = _time(lambda state: policy.infer({STATE: state}), rows)
    for name, client in (("HTTP", _http), ("gRPC", _grpc)):
        with client(policy) as step:
            taken = _time(step, rows)
        yield Result(
            what=f"3x512 MLP, {rows} rows, tritonclient over {name}, median",
            ours=float(np.median(taken)),
            unit="ms",
            higher_is_better=False,
            peer=float(np.median(direct)),
            peer_name="in this process",
            note=f"p99 {np.percentile(taken, 99):.2f} ms, in this process {np.percentile(direct, 99):.2f} ms; "
            f"{STEPS} steps, loopback, one thread of ONNX Runtime, host and client in one process",
        )


def _time(step: Step, rows: int) -> NDArray[np.float64]:
    """Milliseconds of each step, after a warm-up."""
    state = np.random.default_rng(0).normal(size=(rows, len(JOINTS))).astype(np.float32)
    taken = []
    for number in range(WARM_UP + STEPS):
        start = time.perf_counter()
        step(state)
        if number >= WARM_UP:
            taken.append((time.perf_counter() - start) * 1e3)
    return np.array(taken)


@contextmanager
def _http(policy: ServedPolicy) -> Iterator[Step]:
    from tritonclient.http import InferenceServerClient, InferInput

    with running(PolicyHost([policy])) as url, InferenceServerClient(url.removeprefix("http://")) as client:

        def step(state: NDArray[np.float32]) -> object:
            tensor = InferInput(STATE, list(state.shape), "FP32").set_data_from_numpy(state)
            return client.infer(policy.name, [tensor]).as_numpy(ACTION)

        yield step


@contextmanager
def _grpc(policy: ServedPolicy) -> Iterator[Step]:
    from tritonclient.grpc import InferenceServerClient, InferInput

    with running_grpc(PolicyHost([policy])) as address, InferenceServerClient(address) as client:

        def step(state: NDArray[np.float32]) -> object:
            tensor = InferInput(STATE, list(state.shape), "FP32")
            tensor.set_data_from_numpy(state)
            return client.infer(policy.name, [tensor]).as_numpy(ACTION)

        yield step


def mlp_package(folder: Path) -> Path:
    """A package around three hidden layers of 512 with random weights: its cost is that of a trained one."""
    folder.mkdir(parents=True)
    onnx.save(_mlp(), folder / "policy.onnx")
    state = np.random.default_rng(1).normal(size=(4, len(JOINTS))).astype(np.float32)
    session = onnxruntime.InferenceSession(folder / "policy.onnx", providers=["CPUExecutionProvider"])
    np.savez(folder / "golden.npz", **{STATE: state, ACTION: session.run([ACTION], {STATE: state})[0]})
    PolicyPackage(
        name="mlp",
        policy_type="mlp",
        task="benchmark",
        robot="six joints",
        inputs=(TensorSpec(name=STATE, dtype="float32", shape=(6,), elements=JOINTS, units=("rad",) * 6),),
        outputs=(TensorSpec(name=ACTION, dtype="float32", shape=(1, 6), elements=JOINTS, units=("rad",) * 6),),
        rate_hz=100.0,
        action_meaning="absolute-joint-position",
        action_steps=1,
        limits=tuple(JointLimits(joint=joint, lower_rad=-3.0, upper_rad=3.0) for joint in JOINTS),
        dataset=digest_bytes(b"no dataset: random weights"),
        run_id="benchmark",
        training_steps=0,
        commit="unknown",
        opset=18,
        parity_max_abs=0.0,
        files={name: digest_file(folder / name) for name in ("policy.onnx", "golden.npz")},
    ).write(folder / "package.json")
    return folder


def _mlp() -> onnx.ModelProto:
    rng = np.random.default_rng(0)
    widths = (len(JOINTS), WIDTH, WIDTH, WIDTH, len(JOINTS))
    nodes, weights, last = [], [], STATE
    for layer, (inner, outer) in enumerate(pairwise(widths)):
        scaled = rng.normal(size=(inner, outer)) / np.sqrt(inner)
        weights.append(numpy_helper.from_array(scaled.astype(np.float32), f"w{layer}"))
        nodes.append(helper.make_node("MatMul", [last, f"w{layer}"], [f"x{layer}"]))
        last = f"x{layer}"
        if outer == WIDTH:
            nodes.append(helper.make_node("Elu", [last], [f"y{layer}"]))
            last = f"y{layer}"
    weights.append(numpy_helper.from_array(np.array([1], np.int64), "axis"))
    nodes.append(helper.make_node("Unsqueeze", [last, "axis"], [ACTION]))
    graph = helper.make_graph(
        nodes,
        "mlp",
        [helper.make_tensor_value_info(STATE, TensorProto.FLOAT, ["N", len(JOINTS)])],
        [helper.make_tensor_value_info(ACTION, TensorProto.FLOAT, ["N", 1, len(JOINTS)])],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
