"""Control videos and masks for Cosmos-Transfer2.5, frame by frame beside the recorded video."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from physai.infrastructure.contracts.synthetic import Modality
from physai.infrastructure.video import write_video

from ..backend import Frames, Request
from ..scene import EMPTY, Masks
from ..silhouette import draw
from .schema import TransferSpec

CANNY = (100, 200)
"""Thresholds of the preset `medium` of Transfer2.5's on-the-fly edges."""
BLUR_SHARE = 0.02  # of the picture's height: the `vis` control keeps colours and loses texture
GREYS = np.linspace(40, 255, 16, dtype=np.uint8)


def edge(frames: Frames) -> Frames:
    """White edges on black."""
    edges = [cv2.Canny(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), *CANNY) for frame in frames]
    return np.repeat(np.stack(edges)[..., None], 3, axis=-1).astype(np.uint8)


def vis(frames: Frames) -> Frames:
    """The video without its texture."""
    sigma = max(1.0, BLUR_SHARE * frames.shape[1])
    return np.stack([cv2.GaussianBlur(frame, (0, 0), sigma) for frame in frames]).astype(np.uint8)


def seg(parts: Masks) -> Frames:
    """One colour per link and object, black elsewhere."""
    hues = (parts.astype(np.int16) * 67 % 180).astype(np.uint8)
    colors = np.stack([hues, np.full_like(hues, 200), np.where(parts == EMPTY, 0, 255).astype(np.uint8)], axis=-1)
    return np.stack([cv2.cvtColor(color, cv2.COLOR_HSV2RGB) for color in colors]).astype(np.uint8)


def mask(parts: Masks) -> Frames:
    """White where the robot and kept objects are."""
    return np.repeat(np.where(parts != EMPTY, 255, 0)[..., None], 3, axis=-1).astype(np.uint8)


def depth(request: Request, camera: str) -> Frames:
    """Near is bright, black where nothing is known; scaled alike over the clip."""
    radii = tuple(thing.radius_m for thing in request.scene.objects)
    view, size = request.scene.views[camera], request.size(camera)
    metres = np.stack(
        [
            draw(request.model, pose, view, size, centres=centres, radii_m=radii).depth_m
            for pose, centres in zip(request.joints, request.centres, strict=True)
        ]
    )
    there = np.isfinite(metres)
    near, far = float(metres[there].min()), float(metres[there].max())
    levels = np.where(there, 255 - 200 * (np.where(there, metres, far) - near) / max(far - near, 1e-6), 0)
    return np.repeat(np.rint(levels)[..., None], 3, axis=-1).astype(np.uint8)


def draw_control(name: Modality, request: Request, camera: str, frames: Frames, parts: Masks) -> Frames:
    """The video of one control, as long as `frames`."""
    if name == "edge":
        return edge(frames)
    if name == "vis":
        return vis(frames)
    return seg(parts) if name == "seg" else depth(request, camera)


def write_inputs(request: Request, camera: str, folder: Path) -> TransferSpec:
    """Write input video, controls, masks and `spec.json` of one camera of a generation.

    Depth and segmentation know the robot and the kept objects only; for the rest, Transfer2.5 follows the other
    controls. A mask keeps these two from speaking where they know nothing.
    """
    frames = request.dataset.frames(request.generation.episode, camera)
    parts = request.parts(camera)
    rate = request.plan.fps
    write_video(folder / "input.mp4", frames, rate)
    write_video(folder / "mask.mp4", mask(parts), rate)
    variation = request.generation.variation
    controls = {}
    for name, weight in variation.controls.items():
        write_video(folder / f"{name}.mp4", draw_control(name, request, camera, frames, parts), rate)
        masked = {"mask_path": "mask.mp4"} if name in ("depth", "seg") else {}
        controls[name] = {"control_path": f"{name}.mp4", "control_weight": weight, **masked}
    spec = TransferSpec.model_validate(
        {
            "name": f"{request.generation.id}_{camera.rpartition('.')[2]}",
            "prompt": variation.prompt,
            "video_path": "input.mp4",
            "seed": request.generation.seed,
            "max_frames": len(frames),
            **controls,
            **({"guided_generation_mask": "mask.mp4"} if request.keep_robot else {}),
        }
    )
    (folder / "spec.json").write_text(spec.text())
    return spec


def specs(folder: Path) -> Sequence[Path]:
    """Specifications in a folder, for `-i`."""
    return sorted(folder.rglob("spec.json"))
