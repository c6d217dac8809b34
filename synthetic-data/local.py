"""The backend `local`: other light, surfaces, surroundings and camera for the same motion, without a GPU.

Every frame of a clip is varied alike, so that no flicker is learned. What is robot and what is not is known from the
recorded joints (`silhouette`), so surroundings change around it.
"""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.contracts import Distractor, Pattern, Photometric, Variation, View

from .backend import Frames, Made, Request, code_digest
from .scene import DISTRACTOR, EMPTY, Masks, homography, intrinsics, turned
from .silhouette import draw_distractors

MIDDLE = 127.5  # grey around which contrast turns
CODE = ("local.py", "scene.py", "silhouette.py")
EDGE_PX = 0.6  # blur of the mask's edge; video compression has blurred the robot's as well

type Pictures = NDArray[np.float32]


class LocalBackend:
    """Deterministic: the same request gives the same frames, bit by bit."""

    name = "local"
    model = "physai-local"

    def __init__(self) -> None:
        self.digest = code_digest(CODE)

    def generate(self, requests: Sequence[Request]) -> Iterator[Made]:
        """Vary the frames of every request."""
        for request in requests:
            frames, views = {}, {}
            for number, (camera, source) in enumerate(request.frames().items()):
                view = request.scene.views[camera]
                rng = np.random.default_rng([request.generation.seed, number])
                views[camera] = seen_from(view, request.generation.variation)
                frames[camera] = vary(
                    source,
                    request.parts(camera),
                    request.generation.variation,
                    rng,
                    view=view,
                    added=request.parts(camera, varied=True) == DISTRACTOR,
                    keep_robot=request.keep_robot,
                )
            yield Made(request.generation.id, frames, views)


def seen_from(view: View, variation: Variation) -> View:
    """Where the camera of a varied clip stands."""
    return turned(view, variation.camera) if variation.camera else view


def vary(
    frames: Frames,
    parts: Masks,
    variation: Variation,
    rng: np.random.Generator,
    *,
    view: View,
    added: NDArray[np.bool_] | None = None,
    keep_robot: bool = False,
) -> Frames:
    """Vary frames.

    Args:
        frames: RGB, shape (T, height, width, 3).
        parts: What each pixel shows, (T, height, width).
        variation: What to change.
        rng: Source of the noise.
        view: Where the camera stood.
        added: Where the variation's objects are seen, (T, height, width).
        keep_robot: Leave the robot's pixels, and those of kept objects, as they are.
    """
    size = frames.shape[1:3]
    kept = np.stack([_soft(part != EMPTY) for part in parts])[..., None]
    pictures = frames.astype(np.float32)
    for pattern, lay in ((variation.texture, _over), (variation.background, _instead)):
        if pattern:
            pictures = pictures * kept + lay(pictures, pattern, draw_pattern(pattern, size, rng)) * (1 - kept)
    if added is not None and variation.objects:
        pictures = np.where(added[..., None], draw_objects(variation.objects, view, size), pictures)
    lit = relight(pictures, variation.photometric)
    lit += rng.standard_normal(frames.shape, dtype=np.float32) * np.float32(variation.photometric.noise)
    pictures = pictures * kept + lit * (1 - kept) if keep_robot else lit
    levels: Frames = np.clip(np.rint(pictures), 0, 255).astype(np.uint8)
    if variation.camera is None:
        return levels
    move = homography(view, turned(view, variation.camera), *size)
    shift = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])  # OpenCV's pixel centres are at whole numbers
    warp = np.linalg.inv(shift) @ move @ shift
    return np.stack(
        [
            cv2.warpPerspective(p, warp, size[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            for p in levels
        ]
    ).astype(np.uint8)


def draw_objects(things: Sequence[Distractor], view: View, size: tuple[int, ...]) -> Pictures:
    """Things as a lamp at the camera shows them, RGB 0..255, shape (height, width, 3)."""
    height, width = size
    drawing = draw_distractors(things, view, (height, width))
    depth = np.where(np.isfinite(drawing.depth_m), drawing.depth_m, np.float32(np.nan))
    slope = np.hypot(*np.gradient(depth)) * intrinsics(view, height, width)[0, 0] / depth
    facing = np.nan_to_num(1 / np.sqrt(1 + slope**2), nan=0.5)[..., None]  # at an edge the slope is not known
    colors = np.array([thing.color for thing in things])[drawing.part]
    return np.asarray(255 * colors * (0.35 + 0.65 * facing), np.float32)


def relight(pictures: Pictures, light: Photometric) -> Pictures:
    """Hue, then contrast around middle grey, then brightness; not clipped."""
    colours = pictures @ hue_matrix(light.hue_deg).T
    return np.asarray((colours - MIDDLE) * light.contrast + MIDDLE + 255 * light.brightness, np.float32)


def hue_matrix(turn_deg: float) -> NDArray[np.float32]:
    """Rotation of RGB around the grey axis, shape (3, 3). Source: Rodrigues' formula with axis (1, 1, 1)/√3."""
    turn = np.deg2rad(turn_deg)
    grey = np.full((3, 3), 1 / 3)
    cross = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    return np.asarray(np.cos(turn) * np.eye(3) + np.sin(turn) * cross + (1 - np.cos(turn)) * grey, np.float32)


def draw_pattern(pattern: Pattern, size: tuple[int, ...], rng: np.random.Generator) -> Pictures:
    """The pattern as a picture, RGB 0..255, shape (height, width, 3)."""
    height, width = size
    y, x = np.mgrid[:height, :width].astype(np.float32)
    if pattern.look == "checker":
        share = (np.floor(x / pattern.scale_px) + np.floor(y / pattern.scale_px)) % 2
    elif pattern.look == "gradient":
        share = y / max(height - 1, 1)
    elif pattern.look == "noise":
        cells = (max(2, round(height / pattern.scale_px)), max(2, round(width / pattern.scale_px)))
        share = cv2.resize(rng.random(cells, dtype=np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    else:
        share = np.zeros(size, np.float32)
    share = np.clip(share, 0, 1)[..., None]
    first, second = np.array(pattern.first, np.float32), np.array(pattern.second, np.float32)
    return np.asarray(255 * (first * (1 - share) + second * share), np.float32)


def _over(pictures: Pictures, pattern: Pattern, drawn: Pictures) -> Pictures:
    """Painted onto the surfaces: their shading stays."""
    painted = pictures * drawn / np.float32(MIDDLE)
    return np.asarray(pictures * (1 - pattern.strength) + painted * pattern.strength, np.float32)


def _instead(pictures: Pictures, pattern: Pattern, drawn: Pictures) -> Pictures:
    return np.asarray(pictures * (1 - pattern.strength) + drawn * pattern.strength, np.float32)


def _soft(mask: NDArray[np.bool_]) -> Pictures:
    """A mask whose edge is as wide as that in the video, 0..1."""
    return np.asarray(cv2.GaussianBlur(mask.astype(np.float32), (0, 0), EDGE_PX), np.float32)
