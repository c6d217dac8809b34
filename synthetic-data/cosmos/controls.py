"""Control videos and masks for Cosmos-Transfer2.5, frame by frame beside the recorded video."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from physai.infrastructure.contracts.synthetic import Modality
from physai.infrastructure.video import write_video

from .. import controls
from ..backend import Frames, Made, Request
from ..scene import DISTRACTOR, EMPTY, Masks
from ..silhouette import draw
from .schema import TransferSpec


def depth(request: Request, camera: str) -> Frames:
    """Of the projected robot and the kept objects."""
    radii = tuple(thing.radius_m for thing in request.scene.objects)
    view, size = request.scene.views[camera], request.size(camera)
    metres = np.stack(
        [
            draw(request.model, pose, view, size, centres=centres, radii_m=radii).depth_m
            for pose, centres in zip(request.joints, request.centres, strict=True)
        ]
    )
    return controls.depth(metres)


def draw_control(name: Modality, request: Request, camera: str, frames: Frames, parts: Masks) -> Frames:
    """The video of one control, as long as `frames`."""
    if name == "edge":
        return controls.edge(frames)
    if name == "vis":
        return controls.vis(frames)
    return controls.seg(parts) if name == "seg" else depth(request, camera)


def write_inputs(request: Request, camera: str, folder: Path, simulated: Made | None = None) -> TransferSpec:
    """Write input video, controls, masks and `spec.json` of one camera of a generation.

    From a recording, depth and segmentation know the robot and the kept objects only; for the rest, Transfer2.5 follows
    the other controls, and a mask keeps these two from speaking where they know nothing. A simulated clip has them for
    the whole picture.

    Args:
        request: What to make.
        camera: Of the dataset.
        folder: Where to.
        simulated: The clip to start from; None: the recorded video.
    """
    frames = simulated.frames[camera] if simulated else request.dataset.frames(request.generation.episode, camera)
    parts = request.parts(camera, simulated.views[camera] if simulated else None, varied=True)
    rate = request.plan.fps
    write_video(folder / "input.mp4", frames, rate)
    write_video(folder / "mask.mp4", controls.mask(np.where(parts == DISTRACTOR, np.int8(EMPTY), parts)), rate)
    variation = request.generation.variation
    told = {}
    for name, weight in variation.controls.items():
        drawn = simulated.controls[camera][name] if simulated else draw_control(name, request, camera, frames, parts)
        write_video(folder / f"{name}.mp4", drawn, rate)
        masked = {"mask_path": "mask.mp4"} if name in ("depth", "seg") and not simulated else {}
        told[name] = {"control_path": f"{name}.mp4", "control_weight": weight, **masked}
    spec = TransferSpec.model_validate(
        {
            "name": f"{request.generation.id}_{camera.rpartition('.')[2]}",
            "prompt": variation.prompt,
            "video_path": "input.mp4",
            "seed": request.generation.seed,
            "max_frames": len(frames),
            **told,
            **({"guided_generation_mask": "mask.mp4"} if request.keep_robot else {}),
        }
    )
    (folder / "spec.json").write_text(spec.text())
    return spec


def specs(folder: Path) -> Sequence[Path]:
    """Specifications in a folder, for `-i`."""
    return sorted(folder.rglob("spec.json"))
