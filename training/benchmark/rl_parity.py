"""Largest difference between a package's graph in ONNX Runtime and the library's own actor, over the whole path."""

import tempfile
from pathlib import Path

from physai.infrastructure.benchmark import Result

from ..packaging.actors import RANDOM, build
from .actor_runs import KINDS, write_run

RECORDED = 8


def measure() -> list[Result]:
    """Each kind of actor with random weights; observations are moved, clipped and scaled, commands too."""
    with tempfile.TemporaryDirectory() as folder:
        return [_of(kind, Path(folder)) for kind in KINDS]


def _of(kind: str, folder: Path) -> Result:
    package = build(write_run(folder / f"{kind} run", kind), folder / kind)
    return Result(
        what=f"{kind}, {RECORDED} golden and {RANDOM} random inputs",
        ours=package.parity_max_abs,
        unit="rad, max abs",
        goal=1e-6,
        higher_is_better=False,
        peer_name=package.policy_type,
    )
