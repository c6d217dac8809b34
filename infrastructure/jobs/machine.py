"""What this machine has to give: cores, memory, GPUs."""

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

CGROUP = Path("/sys/fs/cgroup")
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "RAYON_NUM_THREADS",
)
"""PyTorch takes its number of threads from the first two."""


@dataclass(frozen=True)
class Machine:
    """What all tasks together may use."""

    cores: int
    memory_bytes: int
    gpus: tuple[str, ...] = ()
    """Ids as `CUDA_VISIBLE_DEVICES` takes them."""


@cache
def this_machine() -> Machine:
    """The cores, memory and GPUs that this process may use; a container's limits count."""
    return Machine(_cores(), _memory_bytes(), _gpus())


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota, _, period = _limit("cpu.max").partition(" ")
    return max(1, min(cores, int(quota) // int(period))) if quota.isdigit() and period.isdigit() else cores


def _memory_bytes() -> int:
    total = psutil.virtual_memory().total
    limit = _limit("memory.max")
    return min(total, int(limit)) if limit.isdigit() else total


def _limit(name: str) -> str:
    try:
        return (CGROUP / name).read_text().strip()
    except OSError:  # not in a container, or not Linux: there is no limit
        return ""


def _gpus() -> tuple[str, ...]:
    if (visible := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return tuple(gpu.strip() for gpu in visible.split(",") if gpu.strip() and gpu.strip() != "-1")
    return tuple(sorted(path.name.removeprefix("nvidia") for path in Path("/dev").glob("nvidia[0-9]*")))


def thread_variables(cores: int) -> dict[str, str]:
    """The variables by which libraries start no more than `cores` threads; a lower limit from outside stays."""
    outside = {name: os.environ.get(name, "") for name in THREAD_VARIABLES}
    return {
        name: value if value.isdigit() and 0 < int(value) < cores else str(cores) for name, value in outside.items()
    }
