"""How fast each stage is, and what an hour of video costs with each backend."""

import time
from pathlib import Path

from physai.infrastructure.benchmark import Result
from physai.infrastructure.contracts import GenerationPlan
from physai.infrastructure.datasets import Dataset

from ..cost import estimate, models
from ..generate import generate
from ..local import LocalBackend
from ..verify.run import verify
from ..write import write

CLIP_ROWS = 93  # one chunk of Cosmos-Transfer2.5


def stages(plan: GenerationPlan, root: Path, folder: Path) -> list[Result]:
    """Run the chain on a plan; frames of its clips per second of each stage, on one thread."""
    frames = sum(generation.rows for generation in plan.generations) * len(plan.cameras)
    began = time.monotonic()
    generate(plan, root, folder / "clips", LocalBackend())
    generated = time.monotonic()
    report = verify(plan, root, folder / "clips")
    verified = time.monotonic()
    write(plan, root, folder / "clips", report, folder / "dataset", publish_it=False)
    written = time.monotonic()
    size = "x".join(map(str, Dataset(root).info.features[plan.cameras[0]].shape[:2]))
    peer = _color_jitter(Dataset(root), plan)
    return [
        Result(
            what=f"generate, backend local, {size}",
            ours=frames / (generated - began),
            unit="frames/s",
            peer=peer,
            peer_name="torchvision ColorJitter",
            note="the peer changes light only, knows no robot, and encodes nothing",
        ),
        Result(what=f"verify, {size}", ours=frames / (verified - generated), unit="frames/s"),
        Result(
            what=f"write, {size}",
            ours=frames / (written - verified),
            unit="frames/s",
            note=f"{report.accepted} of {len(report.clips)} clips accepted; originals are copied as well",
        ),
    ]


def _color_jitter(dataset: Dataset, plan: GenerationPlan) -> float:
    """LeRobot's own image augmentation on the same frames."""
    import torch
    from torchvision.transforms import v2

    clips = [torch.from_numpy(dataset.frames(g.episode, plan.cameras[0])).permute(0, 3, 1, 2) for g in plan.generations]
    jitter = v2.ColorJitter(brightness=0.2, contrast=0.2, hue=0.05)
    began = time.monotonic()
    for clip in clips:
        jitter(clip)
    return sum(map(len, clips)) / (time.monotonic() - began)


def costs(fps: int) -> list[Result]:
    """What one hour of video of one camera costs, by backend and machine."""
    clips = round(3600 * fps / CLIP_ROWS)
    rows = [CLIP_ROWS] * clips
    sizes = [timing.vm_size for timing in models().models["transfer2.5"].timings if timing.vm_size]
    found = [(name, estimate(name, rows, 1)) for name in models().cpu]
    found += [("cosmos", estimate("cosmos", rows, 1, size)) for size in sizes]
    return [
        Result(
            what=f"one hour of video at {fps} Hz, backend {name}, {cost.gpu or 'CPU'} ({cost.vm_size})",
            ours=cost.usd,
            unit="USD",
            note=f"{cost.gpu_hours or cost.cpu_hours:.1f} {'GPU' if cost.gpu else 'core'} hours; {cost.source}",
        )
        for name, cost in found
    ]
