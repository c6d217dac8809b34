"""How long a package takes to answer, on each execution provider of ONNX Runtime that runs it on this machine."""

import time
from pathlib import Path
from typing import Any

import numpy as np

from physai.infrastructure.benchmark import BenchmarkMachine, machine
from physai.infrastructure.contracts import Contract, Digest, PolicyPackage
from physai.infrastructure.registry import manifest_digest
from physai.infrastructure.registry.verify import (
    GOLDEN_FILE,
    GRAPH_FILE,
    open_session,
    read_golden,
    reproduces,
    verify_package,
)

REMOTE = "AzureExecutionProvider"  # every build names it; it asks an endpoint, and runs nothing here
OPTIONS: dict[str, dict[str, Any]] = {"CUDAExecutionProvider": {"use_tf32": "0"}}
"""TF32 keeps ten bits, too few for the golden answers. Source: onnxruntime.ai, "CUDA Execution Provider"."""
WARM_UP = 20


class ProviderLatency(Contract):
    """One provider."""

    provider: str
    p50_ms: float
    p99_ms: float
    max_abs_difference: float
    """From the golden answers, in the unit of the output."""


class Latencies(Contract):
    """All that were measured, one after another; ONNX Runtime has one thread."""

    package: Digest
    machine: BenchmarkMachine
    onnxruntime: str
    batch: int
    """Robots asked for at once."""
    steps: int
    rows: tuple[ProviderLatency, ...]
    left_out: dict[str, str]
    """Provider → why it has no row."""


def measure(folder: Path, *, steps: int = 1000, batch: int = 1) -> Latencies:
    """Ask a package as often as this on each provider, from the golden inputs; inputs and outputs are on the CPU.

    Args:
        folder: Of the package, which is verified first.
        steps: Times it is asked, after some that are not counted.
        batch: Robots asked for at once.

    Raises:
        RegistryError: If the package is damaged, or does not run on the CPU.
    """
    import onnxruntime

    package = verify_package(folder)
    rows: list[ProviderLatency] = []
    left_out: dict[str, str] = {}
    for provider in onnxruntime.get_available_providers():
        if provider == REMOTE:
            continue
        found = _on(provider, folder, package, steps, batch)
        if isinstance(found, str):
            left_out[provider] = found
        else:
            rows.append(found)
    return Latencies(
        package=manifest_digest(folder),
        machine=machine(),
        onnxruntime=onnxruntime.__version__,
        batch=batch,
        steps=steps,
        rows=tuple(rows),
        left_out=left_out,
    )


def _on(provider: str, folder: Path, package: PolicyPackage, steps: int, batch: int) -> ProviderLatency | str:
    """What was measured, or why nothing was."""
    session = open_session(folder / GRAPH_FILE, [(provider, OPTIONS.get(provider, {}))])
    if (runs := session.get_providers()[0]) != provider:
        return f"ONNX Runtime cannot load it, and takes {runs}"
    golden = read_golden(folder / GOLDEN_FILE, package)
    outputs = [spec.name for spec in package.outputs]
    answers = session.run(outputs, {spec.name: golden[spec.name] for spec in package.inputs})
    pairs = [(answer, golden[name]) for name, answer in zip(outputs, answers, strict=True)]
    difference = max(float(np.abs(answer - wanted).max()) for answer, wanted in pairs)
    if not all(reproduces(answer, wanted) for answer, wanted in pairs):
        return f"it answers otherwise than the golden vectors, by up to {difference:.2g}"
    session = open_session(folder / GRAPH_FILE, [(provider, OPTIONS.get(provider, {}))], rows=batch)
    given = {spec.name: np.resize(golden[spec.name], (batch, *spec.shape)) for spec in package.inputs}
    taken_ms = []
    for _ in range(WARM_UP + steps):
        began = time.perf_counter()
        session.run(outputs, given)
        taken_ms.append((time.perf_counter() - began) * 1e3)
    p50_ms, p99_ms = np.percentile(taken_ms[WARM_UP:], (50, 99))
    return ProviderLatency(provider=provider, p50_ms=float(p50_ms), p99_ms=float(p99_ms), max_abs_difference=difference)
