"""A TensorRT engine of a package for the GPU of this machine, proven on the golden vectors before it appears.

Where there is no GPU, or no TensorRT, the package runs by ONNX Runtime as it is: an engine is faster, never needed.
Source: docs.nvidia.com/deeplearning/tensorrt/10.x, Python API: Builder, OnnxParser, IBuilderConfig, ICudaEngine.
"""

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.aside import whole_folder, write_whole
from physai.infrastructure.contracts import Digest, Document, PolicyPackage, digest_bytes
from physai.infrastructure.registry import manifest_digest
from physai.infrastructure.registry.verify import GOLDEN_FILE, GRAPH_FILE, read_golden, verify_package
from physai.infrastructure.settings import settings

from ..errors import EngineBuildError, EngineParityError, NoEngineError
from .triton import ENGINE_FILE, MAX_BATCH, TRITON_FILE, engine_config

REPORT_FILE = "engine.json"
WORKSPACE_BYTES = 1 << 30
BOUNDS = {"fp32": 1e-4, "fp16": 1e-2}
"""Largest difference from the golden answers, as a share of the greatest of them, at least of 1: float32 sums in
another order, and float16 keeps 11 bits (2⁻¹¹ = 5e-4) through some ten layers."""

Precision = Literal["fp32", "fp16"]
type Arrays = dict[str, NDArray[Any]]


class EngineReport(Document):
    """`engine.json`: what an engine was built from and for, and how far it answers otherwise."""

    kind: Literal["policy-engine"] = "policy-engine"
    version: Literal[1] = 1
    package: Digest
    """OCI manifest digest of the package."""
    engine: Digest
    precision: Precision
    gpu: str
    architecture: str
    """Compute capability, e.g. `sm_90`; the engine runs on no other."""
    tensorrt: str
    """The engine is loaded by this version alone."""
    max_abs_difference: float
    """From the golden answers, in the action's unit."""


def build_engine(
    folder: Path, output: Path, precision: Precision = "fp16", timing_cache: Path | None = None
) -> EngineReport:
    """Build an engine, replay the golden vectors on it, and only then let `output` appear.

    Args:
        folder: Of the package, which is verified first.
        output: Folder for the engine, Triton's configuration of it, and the report.
        precision: `fp32` forbids TF32 too.
        timing_cache: Where what was measured of kernels is kept, so that the next build is quick and alike; default: a
            file in the home folder for each architecture and version.

    Raises:
        RegistryError: If the package is damaged.
        NoEngineError: If there is no GPU or no TensorRT here.
        EngineBuildError: If TensorRT cannot build it.
        EngineParityError: If it answers otherwise than the policy did.
        OccupiedError: If something is at `output`.
    """
    package, digest = verify_package(folder), manifest_digest(folder)
    golden = read_golden(folder / GOLDEN_FILE, package)
    trt, gpu, architecture = _machine(folder)
    cache = timing_cache or settings().home / "tensorrt" / f"{architecture}-{trt.__version__}.cache"
    plan = _build(trt, folder, package, precision, cache)
    worst = _compare(trt, plan, folder, package, golden, precision)
    report = EngineReport(
        package=digest,
        engine=digest_bytes(plan),
        precision=precision,
        gpu=gpu,
        architecture=architecture,
        tensorrt=trt.__version__,
        max_abs_difference=worst,
    )
    with whole_folder(output) as part:
        (part / ENGINE_FILE).write_bytes(plan)
        (part / TRITON_FILE).write_text(engine_config(package))
        report.write(part / REPORT_FILE)
    return report


def _machine(folder: Path) -> tuple[Any, str, str]:
    """TensorRT, and the name and architecture of the GPU."""
    try:
        import tensorrt as trt
    except ImportError as error:
        raise NoEngineError(folder, f"TensorRT is not installed ({error})") from error
    import torch

    if not torch.cuda.is_available():
        raise NoEngineError(folder, "no CUDA device is found here")
    major, minor = torch.cuda.get_device_capability()
    return trt, torch.cuda.get_device_name(), f"sm_{major}{minor}"


def _build(trt: Any, folder: Path, package: PolicyPackage, precision: Precision, cache: Path) -> bytes:
    logger = trt.Logger(trt.Logger.WARNING)
    builder = trt.Builder(logger)
    network = builder.create_network(0)
    parse(trt, network, logger, folder)
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, WORKSPACE_BYTES)
    if precision == "fp16":
        config.set_flag(trt.BuilderFlag.FP16)
    else:
        config.clear_flag(trt.BuilderFlag.TF32)
    timings = config.create_timing_cache(cache.read_bytes() if cache.exists() else b"")
    config.set_timing_cache(timings, ignore_mismatch=False)
    profile = builder.create_optimization_profile()
    for spec in package.inputs:
        profile.set_shape(spec.name, (1, *spec.shape), (1, *spec.shape), (MAX_BATCH, *spec.shape))
    config.add_optimization_profile(profile)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise EngineBuildError(folder, "TensorRT gave no engine; what it said is above")
    cache.parent.mkdir(parents=True, exist_ok=True)
    write_whole(cache, bytes(config.get_timing_cache().serialize()))
    return bytes(plan)


def parse(trt: Any, network: Any, logger: Any, folder: Path) -> None:
    """Read the package's graph into a network of TensorRT.

    Raises:
        EngineBuildError: If TensorRT knows an operator of it not.
    """
    parser = trt.OnnxParser(network, logger)
    if not parser.parse((folder / GRAPH_FILE).read_bytes()):
        said = "; ".join(str(parser.get_error(index).desc()) for index in range(parser.num_errors))
        raise EngineBuildError(folder, f"TensorRT does not take its graph ({said[:200]})")


def _compare(
    trt: Any, plan: bytes, folder: Path, package: PolicyPackage, golden: Arrays, precision: Precision
) -> float:
    """The largest difference from the golden answers."""
    inputs = {spec.name: golden[spec.name] for spec in package.inputs}
    answers = run(trt, plan, folder, inputs)
    worst = 0.0
    for spec in package.outputs:
        wanted, got = golden[spec.name].astype(np.float64), answers[spec.name].astype(np.float64)
        difference = float(np.abs(wanted - got).max()) if wanted.shape == got.shape else float("inf")
        allowed = BOUNDS[precision] * max(1.0, float(np.abs(wanted).max()))
        if not difference <= allowed:  # also refuses not-a-number
            raise EngineParityError(folder, precision, spec.name, difference, allowed)
        worst = max(worst, difference)
    return worst


def run(trt: Any, plan: bytes, folder: Path, inputs: Arrays) -> Arrays:
    """Ask an engine once.

    Args:
        trt: The module `tensorrt`.
        plan: The engine.
        folder: Of its package, named in errors.
        inputs: Name → batch.

    Returns:
        Name → batch, of every output.

    Raises:
        EngineBuildError: If the engine cannot be loaded or run.
    """
    import torch

    engine = trt.Runtime(trt.Logger(trt.Logger.WARNING)).deserialize_cuda_engine(plan)
    if engine is None:
        raise EngineBuildError(folder, "its engine cannot be loaded")
    context = engine.create_execution_context()
    names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
    held: dict[str, torch.Tensor] = {}
    for name in names:
        if engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT:
            held[name] = torch.from_numpy(np.ascontiguousarray(inputs[name])).cuda()
            context.set_input_shape(name, tuple(held[name].shape))
    outputs = [name for name in names if name not in held]
    for name in outputs:
        dtype = torch.from_numpy(np.empty(0, trt.nptype(engine.get_tensor_dtype(name)))).dtype
        held[name] = torch.empty(tuple(context.get_tensor_shape(name)), dtype=dtype, device="cuda")
    for name, tensor in held.items():
        context.set_tensor_address(name, tensor.data_ptr())
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # their own
    stream.wait_stream(torch.cuda.current_stream())
    if not context.execute_async_v3(stream.cuda_stream):
        raise EngineBuildError(folder, "its engine did not run")
    stream.synchronize()
    return {name: held[name].cpu().numpy() for name in outputs}
