"""An ONNX Runtime session on the best that the machine has: TensorRT, CUDA, else the CPU."""

from pathlib import Path
from typing import Any

from physai.infrastructure.registry.verify import GRAPH_FILE, open_session

PREFERRED = ("TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider")


def providers() -> tuple[str, ...]:
    """Execution providers of this machine, best first."""
    import onnxruntime

    there = set(onnxruntime.get_available_providers())
    return tuple(provider for provider in PREFERRED if provider in there)


def open_policy_session(folder: Path) -> Any:
    """A session over a package's graph.

    Raises:
        GraphError: If the graph does not load.
    """
    return open_session(folder / GRAPH_FILE, providers())
