"""What a plan takes on each kind of machine, from published times and list prices."""

import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field

from physai.infrastructure.contracts import Contract, Document, GenerationCost
from physai.infrastructure.prices import load_prices

TABLE = Path(__file__).parent / "cosmos/models.json"
CHUNK, OVERLAP = 93, 1
"""Frames of a chunk of Cosmos-Transfer2.5, and how many the next one takes over. Source: its docs/inference.md."""


class Timing(Contract):
    """How long a model takes on one GPU."""

    gpu: str
    vm_size: str | None
    """Azure machine with that GPU; None where our price table has none."""
    seconds_per_chunk: float
    """For 93 frames at 720p, one GPU, guardrails off."""


class ModelInfo(Contract):
    """A model one can generate or judge with."""

    repository: str
    commit: str
    image: str = Field(pattern=r"^[^@]+:[^@]+@sha256:[0-9a-f]{64}$")
    """By tag and digest."""
    built: bool
    """Whether the project's own image is built upon it, or the model is served by it as it is."""
    gpu_memory_gb: float | None
    """Least; None where the project does not say."""
    licence: str
    timings: tuple[Timing, ...] = ()
    source: str


class CpuTiming(Contract):
    """A backend that needs no GPU."""

    frames_per_s: float
    """Of one core."""
    vm_size: str
    source: str


class ModelTable(Document):
    """`cosmos/models.json`."""

    kind: Literal["model-table"] = "model-table"
    version: Literal[1] = 1
    models: dict[str, ModelInfo]
    cpu: dict[str, CpuTiming]


@cache
def models() -> ModelTable:
    """The table that ships with physai."""
    return ModelTable.read(TABLE)


def chunks(rows: int) -> int:
    """Chunks that Cosmos-Transfer2.5 generates for a clip: 93 frames are one, 121 are two."""
    return 1 + max(0, math.ceil((rows - CHUNK) / (CHUNK - OVERLAP)))


def estimate(backend: str, rows: Sequence[int], cameras: int, vm_size: str | None = None) -> GenerationCost:
    """Cost of clips of these lengths.

    Args:
        backend: `local` or `cosmos`.
        rows: Of each clip.
        cameras: Videos per clip.
        vm_size: For `cosmos`; None: the first of its table with a price.

    Raises:
        UnknownPriceError: If there is no time or no price for the machine.
    """
    frames = sum(rows) * cameras
    prices = load_prices()
    if backend in models().cpu:
        timing = models().cpu[backend]
        hours = frames / timing.frames_per_s / 3600
        machine = prices.vm(timing.vm_size)
        return GenerationCost(
            frames=frames,
            vm_size=timing.vm_size,
            gpu=None,
            gpu_hours=0.0,
            cpu_hours=round(hours, 4),
            usd=round(hours / machine.vcpus * machine.usd_per_hour, 4),
            source=f"{timing.source}; {prices.sources[machine.source].url}, {prices.retrieved}",
        )
    known = {timing.vm_size: timing for timing in models().models["transfer2.5"].timings if timing.vm_size}
    size = vm_size or next(iter(known))
    machine = prices.vm(size)
    hours = sum(map(chunks, rows)) * cameras * known[size].seconds_per_chunk / 3600
    return GenerationCost(
        frames=frames,
        vm_size=size,
        gpu=known[size].gpu,
        gpu_hours=round(hours, 4),
        cpu_hours=0.0,
        usd=round(hours * machine.usd_per_hour, 2),
        source=f"{models().models['transfer2.5'].source}; {prices.sources[machine.source].url}, {prices.retrieved}",
    )
