"""What the policy host costs: a step through HTTP and gRPC beside the same graph in this process."""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
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
from .act import ACTION, CHUNK, JOINTS, POSE, STATE, TARGET, act_graph

STEPS, WARM_UP = 2_000, 100
WIDTH = 512
NAMES = tuple(f"joint_{number}" for number in range(JOINTS))
type Inputs = dict[str, NDArray[np.float32]]
Step = Callable[[Inputs], object]


def measure() -> list[Result]:
    """One observation at a time, and 32 at once; of a small network and of an ACT."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        graph = folder / "act.onnx"
        size = act_graph(graph)
        policies = {
            "3x512 MLP": ServedPolicy.load(mlp_package(folder / "mlp"), "policy"),
            f"ACT of {size / 1e6:.2f} M": ServedPolicy.load(
                _package(folder / "act", onnx.load(graph), {STATE: JOINTS, TARGET: POSE}, CHUNK), "policy"
            ),
        }
        return [each for what, policy in policies.items() for rows in (1, 32) for each in _rows(what, policy, rows)]


def _rows(what: str, policy: ServedPolicy, rows: int) -> Iterator[Result]:
    direct = _time(policy.infer, policy, rows)
    for name, client in (("HTTP", _http), ("gRPC", _grpc)):
        with client(policy) as step:
            taken = _time(step, policy, rows)
        yield Result(
            what=f"{what}, {rows} rows, tritonclient over {name}, median",
            ours=float(np.median(taken)),
            unit="ms",
            higher_is_better=False,
            peer=float(np.median(direct)),
            peer_name="in this process",
            note=f"p99 {np.percentile(taken, 99):.2f} ms, in this process {np.percentile(direct, 99):.2f} ms; "
            f"{STEPS} steps, loopback, one thread of ONNX Runtime, host and client in one process, random weights",
        )


def _time(step: Step, policy: ServedPolicy, rows: int) -> NDArray[np.float64]:
    """Milliseconds of each step, after a warm-up."""
    rng = np.random.default_rng(0)
    inputs = {spec.name: rng.normal(size=(rows, *spec.shape)).astype(np.float32) for spec in policy.package.inputs}
    taken = []
    for number in range(WARM_UP + STEPS):
        start = time.perf_counter()
        step(inputs)
        if number >= WARM_UP:
            taken.append((time.perf_counter() - start) * 1e3)
    return np.array(taken)


@contextmanager
def _http(policy: ServedPolicy) -> Iterator[Step]:
    from tritonclient.http import InferenceServerClient, InferInput

    with running(PolicyHost([policy])) as url, InferenceServerClient(url.removeprefix("http://")) as client:

        def step(inputs: Inputs) -> object:
            tensors = [InferInput(n, list(a.shape), "FP32").set_data_from_numpy(a) for n, a in inputs.items()]
            return client.infer(policy.name, tensors).as_numpy(ACTION)

        yield step


@contextmanager
def _grpc(policy: ServedPolicy) -> Iterator[Step]:
    from tritonclient.grpc import InferenceServerClient, InferInput

    with running_grpc(PolicyHost([policy])) as address, InferenceServerClient(address) as client:

        def step(inputs: Inputs) -> object:
            tensors = [InferInput(n, list(a.shape), "FP32").set_data_from_numpy(a) for n, a in inputs.items()]
            return client.infer(policy.name, tensors).as_numpy(ACTION)

        yield step


def mlp_package(folder: Path) -> Path:
    """A package around three hidden layers of 512 with random weights: its cost is that of a trained one."""
    return _package(folder, _mlp(), {STATE: JOINTS}, chunk=1)


def _package(folder: Path, model: onnx.ModelProto, inputs: Mapping[str, int], chunk: int) -> Path:
    """A package around a graph; what it answers here are its golden vectors.

    Args:
        folder: To make.
        model: The graph.
        inputs: Name → size.
        chunk: Actions that it plans.
    """
    folder.mkdir(parents=True)
    onnx.save(model, folder / "policy.onnx")
    rng = np.random.default_rng(1)
    golden = {name: rng.normal(size=(4, size)).astype(np.float32) for name, size in inputs.items()}
    session = onnxruntime.InferenceSession(folder / "policy.onnx", providers=["CPUExecutionProvider"])
    np.savez(folder / "golden.npz", allow_pickle=False, **golden, **{ACTION: session.run([ACTION], golden)[0]})
    PolicyPackage(
        name="benchmark",
        policy_type="benchmark",
        task="benchmark",
        robot="six joints",
        inputs=tuple(TensorSpec(name=name, dtype="float32", shape=(size,)) for name, size in inputs.items()),
        outputs=(
            TensorSpec(name=ACTION, dtype="float32", shape=(chunk, JOINTS), elements=NAMES, units=("rad",) * JOINTS),
        ),
        rate_hz=100.0,
        action_meaning="absolute-joint-position",
        action_steps=1,
        limits=tuple(JointLimits(joint=name, lower_rad=-3.0, upper_rad=3.0) for name in NAMES),
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
    widths = (JOINTS, WIDTH, WIDTH, WIDTH, JOINTS)
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
        [helper.make_tensor_value_info(STATE, TensorProto.FLOAT, ["N", JOINTS])],
        [helper.make_tensor_value_info(ACTION, TensorProto.FLOAT, ["N", 1, JOINTS])],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
