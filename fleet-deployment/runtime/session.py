"""An ONNX Runtime session on the best that the machine has: TensorRT, CUDA, else the CPU."""

from pathlib import Path
from typing import Any

from physai.infrastructure.registry.verify import GRAPH_FILE, open_session

PREFERRED = ("TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider")

type Provider = str | tuple[str, dict[str, Any]]


def providers(engines: Path) -> tuple[Provider, ...]:
    """Execution providers of this machine, best first.

    Args:
        engines: Folder in which TensorRT keeps the engines it builds, so that a reboot need not build them again.
    """
    import onnxruntime

    there = set(onnxruntime.get_available_providers())
    options = {
        "TensorrtExecutionProvider": {"trt_engine_cache_enable": True, "trt_engine_cache_path": str(engines)},
    }
    chosen = (name for name in PREFERRED if name in there)
    return tuple((name, options[name]) if name in options else name for name in chosen)


def open_policy_session(folder: Path, rows: int | None = None) -> Any:
    """A session over a package's graph. Engines are kept beside the package, whose bytes stay as they were signed.

    Args:
        folder: A verified package.
        rows: Of every request; None: as many as each has.

    Raises:
        GraphError: If the graph does not load.
    """
    return open_session(folder / GRAPH_FILE, providers(folder.with_suffix(".engines")), rows=rows)
