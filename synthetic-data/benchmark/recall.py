"""How many injected faults are found, and how many clean clips are rejected."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from physai.infrastructure.benchmark import Result
from physai.infrastructure.contracts import Clip, GenerationPlan
from physai.infrastructure.datasets import Dataset
from physai.infrastructure.datasets.video import decode

from ..backend import Frames, Request
from ..generate import CLIP, video_path
from ..verify.run import judged, look, scores
from .faults import FAULTS, MORE, Fault, Faulty, Subject, clean, repainted_clean

RECALL, FALSE_REJECTS = 95.0, 5.0  # percent


def reasons(faulty: Faulty, tool: tuple[int, ...]) -> tuple[str, ...]:
    """Checks that reject the clip, by name."""
    if len(faulty.frames) != len(faulty.parts):
        return ("frames",)
    verdict = judged("clip", scores([look(faulty.frames, faulty.source, faulty.parts, tool)]))
    return tuple(reason.partition(":")[0] for reason in verdict.reasons)


def recall(plan: GenerationPlan, dataset: Dataset, folder: Path, seed: int = 0) -> list[Result]:
    """Put every fault into every clip of the plan, one at a time; objects may not be among what the plan varies."""
    kinds: dict[str, Fault] = {"clean": clean, "repainted": repainted_clean, **FAULTS, **MORE}
    found: dict[str, Counter[str]] = {kind: Counter() for kind in kinds}
    caught: Counter[str] = Counter()
    total = 0
    for subject in subjects(plan, dataset, folder, seed):
        total += 1
        tool = subject.request.model.tool()
        for kind, fault in kinds.items():
            names = reasons(fault(subject), tool)
            caught[kind] += bool(names)
            found[kind].update(names)
    of = plan.variations.backend
    return [_result(kind, caught[kind], total, found[kind], of) for kind in kinds]


def subjects(plan: GenerationPlan, dataset: Dataset, folder: Path, seed: int) -> Iterator[Subject]:
    """The clips of the plan with all that a fault may need."""
    camera = plan.cameras[0]

    def opened(number: int) -> tuple[Clip, Frames]:
        generation = plan.generations[number]
        clip = Clip.read(folder / generation.id / CLIP)
        return clip, decode(video_path(folder, generation.id, camera), 0, generation.rows, plan.fps)

    for number, generation in enumerate(plan.generations):
        clip, frames = opened(number)
        request = Request(generation, plan, dataset)
        yield Subject(
            request=request,
            camera=camera,
            view=clip.views[camera],
            frames=frames,
            source=dataset.frames(generation.episode, camera),
            parts=request.parts(camera, clip.views[camera]),
            other=opened((number + 1) % len(plan.generations))[1],
            rng=np.random.default_rng([seed, number]),
        )


def _result(kind: str, caught: int, total: int, by: Counter[str], backend: str) -> Result:
    aside = "" if backend == "local" else f", {backend}"
    names = ", ".join(f"{name} {count}" for name, count in by.most_common())
    if kind in ("clean", "repainted"):
        what = "clean clips rejected" if kind == "clean" else "clean clips, painted as the faults are, rejected"
        what += aside
        goal = FALSE_REJECTS if kind == "clean" else None
        note = f"{caught} of {total}" + (f" ({names})" if names else "")
        return Result(what=what, ours=100 * caught / total, unit="%", goal=goal, higher_is_better=False, note=note)
    goal = RECALL if kind in FAULTS else None
    return Result(
        what=f"{kind} found{aside}",
        ours=100 * caught / total,
        unit="%",
        goal=goal,
        note=f"{caught} of {total} ({names})",
    )
