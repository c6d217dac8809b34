"""How fast the backend `simulation` is, and what the checks say of its clips."""

import time
from pathlib import Path

from physai.infrastructure.benchmark import Result
from physai.infrastructure.contracts import (
    ColorRanges,
    DistractorRanges,
    GenerationPlan,
    LightRanges,
    PatternRanges,
    ShiftRanges,
    TurnRanges,
    Variations,
)
from physai.infrastructure.datasets import Dataset

from ..generate import generate
from ..plan import make_plan
from ..simulation import SimulationBackend, open_stage
from ..verify.run import verify
from .recall import FALSE_REJECTS, recall

FAULTED = 24  # clips that are given every fault in turn


def simulated(root: Path, folder: Path, clips: int, seed: int) -> list[Result]:
    """Start the simulator, make clips with every kind of variation, check them, then put faults into some."""
    plan = _plan(root, clips, seed, objects=True)
    began = time.monotonic()
    open_stage(plan.robot)
    started = time.monotonic()
    warm = plan.model_copy(update={"generations": plan.generations[:2]})
    generate(warm, root, folder / "warm", SimulationBackend())  # renders with and without shadows, compiled or not
    ready = time.monotonic()
    generate(plan, root, folder / "simulated", SimulationBackend())
    made = time.monotonic()
    report = verify(plan, root, folder / "simulated")
    frames = sum(generation.rows for generation in plan.generations) * len(plan.cameras)
    rejected = len(report.clips) - report.accepted
    replayed = max(clip.scores.get("replay_rad", 0.0) for clip in report.clips)
    reasons = "".join(f"; {clip.id} {', '.join(clip.reasons)}" for clip in report.clips if clip.reasons)
    size = "x".join(map(str, Dataset(root).info.features[plan.cameras[0]].shape[:2]))
    return [
        Result(what="start of the simulator", ours=started - began, unit="s", higher_is_better=False),
        Result(
            what=f"generate, backend simulation, {size}",
            ours=frames / (made - ready),
            unit="frames/s",
            note="actions replayed by physics; RGB, five control videos, depth, instances and normals written",
        ),
        Result(
            what="clean clips rejected, simulation with objects",
            ours=100 * rejected / len(report.clips),
            unit="%",
            goal=FALSE_REJECTS,
            higher_is_better=False,
            note=f"{rejected} of {len(report.clips)}; joints at most {replayed:.2g} rad off the recorded ones{reasons}",
        ),
        *_recall(root, folder, min(clips, FAULTED), seed),
    ]


def _recall(root: Path, folder: Path, clips: int, seed: int) -> list[Result]:
    plan = _plan(root, clips, seed, objects=False)
    generate(plan, root, folder / "faulted", SimulationBackend())
    return recall(plan, Dataset(root), folder / "faulted", seed)


def _plan(root: Path, clips: int, seed: int, *, objects: bool) -> GenerationPlan:
    varied = Variations(
        backend="simulation",
        seed=seed,
        texture=PatternRanges(share=0.4),
        background=PatternRanges(share=0.3),
        camera=TurnRanges(share=0.5),
        objects=DistractorRanges() if objects else None,
        light=LightRanges(),
        colors=ColorRanges(),
        shift=ShiftRanges(),
    )
    whole = make_plan(root, varied)
    return whole.model_copy(update={"generations": whole.generations[:clips]})
