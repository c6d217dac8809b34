"""Turns what the renderer measured into pictures: textures, light, background, then the camera's sensor."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.contracts import Generation, Pattern, View

from .backend import Frames
from .lamp import displayed, tint
from .local import relight
from .scene import EMPTY, Floats, Masks, axes, intrinsics
from .solid import solid

if TYPE_CHECKING:
    from physai.infrastructure.simulation.stage import Shot

KEPT = ("Robot", "TargetMarker")
"""Instances that no texture is laid over."""
FRONT = (*KEPT, "Table", "Prop")
"""Instances that no background takes the place of."""
SKY = 0.8549926  # linear level where nothing is: sRGB 0xEE, as Isaac Lab's renderer has it
PER_M = 1000  # depth is kept in mm
ONE = 127  # of a normal's component


def instance(part: str) -> str:
    """The thing a shape belongs to: `Robot/forearm_link` of `Robot/forearm_link/look_2`, `Table`, `ground`."""
    names = part.removeprefix("/World/").split("/")
    return "/".join(names[:2]) if names[0] == "Robot" else names[0]


class Exposure:
    """One camera of one clip, batch of rows by batch of rows."""

    def __init__(
        self, parts: tuple[str, ...], generation: Generation, view: View, size: tuple[int, int], number: int
    ) -> None:
        """Prepare for the first batch.

        Args:
            parts: Path of every shape, as `Stage.parts`.
            generation: What to make.
            view: Where the camera stands.
            size: Height and width of its pictures.
            number: Of the camera, which has noise of its own.
        """
        named = [instance(part) for part in parts]
        self.names = tuple(dict.fromkeys(named))
        self._instance = np.array([*(self.names.index(name) for name in named), EMPTY], np.int8)  # the last: nothing
        self._generation, self._view = generation, view
        self._rng = np.random.default_rng([generation.seed, number])
        self._rays = _rays(view, size)
        self._frames: list[Frames] = []
        self._depth_mm: list[NDArray[np.uint16]] = []
        self._instances: list[Masks] = []
        self._normals: list[NDArray[np.int8]] = []

    def add(self, shot: "Shot") -> None:
        """Develop the next rows."""
        instances = self._instance[shot.part]
        depth_mm = np.clip(np.rint(shot.depth_m * PER_M), 0, 2**16 - 1)
        self._frames.append(self._develop(shot, instances))
        self._instances.append(instances)
        self._depth_mm.append(depth_mm.astype(np.uint16))
        self._normals.append(np.rint(shot.normal * ONE).astype(np.int8))

    def frames(self) -> Frames:
        """RGB, (T, H, W, 3)."""
        return np.concatenate(self._frames)

    def instances(self) -> Masks:
        """Index in `names`, or `EMPTY`, (T, H, W)."""
        return np.concatenate(self._instances)

    def depth_m(self) -> NDArray[np.float32]:
        """Along the camera's axis, 0 where nothing is, (T, H, W)."""
        return (np.concatenate(self._depth_mm) / PER_M).astype(np.float32)

    def normals(self) -> NDArray[np.float32]:
        """Of the surfaces in the base frame, (T, H, W, 3)."""
        return (np.concatenate(self._normals) / ONE).astype(np.float32)

    def truth(self) -> dict[str, NDArray[Any]]:
        """What is kept beside the videos: depth in mm, instances with their names, normals times 127."""
        return {
            "depth_mm": np.concatenate(self._depth_mm),
            "instance": self.instances(),
            "instance_names": np.array(self.names),
            "normal_127": np.concatenate(self._normals),
        }

    def _develop(self, shot: "Shot", instances: Masks) -> Frames:
        variation, seed = self._generation.variation, self._generation.seed
        front = self._of(instances, FRONT)
        light = shot.radiance
        if variation.texture:
            points = (np.array(self._view.eye_m) + shot.depth_m[..., None] * self._rays).astype(np.float32)
            bare = ~self._of(instances, KEPT) & (instances != EMPTY)
            light = np.where(bare[..., None], light * self._albedo(variation.texture, points, seed), light)
        if variation.light:
            light = light * (variation.light.intensity * tint(variation.light.temperature_k))
        light = np.where((instances == EMPTY)[..., None], np.float32(SKY), light)
        pictures = displayed(light)
        if variation.background:
            directions = self._rays / np.linalg.norm(self._rays, axis=-1, keepdims=True)
            around = (directions * self._aim_m()).astype(np.float32)  # as far as what the camera looks at
            behind = solid(variation.background, around, self._scale_m(variation.background), seed + 1)
            pictures = np.where(front[..., None], pictures, behind)
        levels = relight(255 * pictures, variation.photometric)
        levels = levels + self._rng.standard_normal(levels.shape, dtype=np.float32) * np.float32(
            variation.photometric.noise
        )
        return np.clip(np.rint(levels), 0, 255).astype(np.uint8)

    def _albedo(self, pattern: Pattern, points: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
        """Factor on what a surface reflects; middle grey leaves it as it is."""
        painted = solid(pattern, points, self._scale_m(pattern), seed) / 0.5
        return np.asarray(1 - pattern.strength + pattern.strength * painted, np.float32)

    def _scale_m(self, pattern: Pattern) -> float:
        height, width = self._rays.shape[:2]
        return float(pattern.scale_px * self._aim_m() / intrinsics(self._view, height, width)[0, 0])

    def _aim_m(self) -> float:
        return float(np.linalg.norm(np.subtract(self._view.look_at_m, self._view.eye_m)))

    def _of(self, instances: Masks, names: tuple[str, ...]) -> NDArray[np.bool_]:
        chosen = [index for index, name in enumerate(self.names) if name.startswith(names)]
        return np.isin(instances, chosen)


def _rays(view: View, size: tuple[int, int]) -> Floats:
    """Direction of each pixel in the base frame, of length 1 along the camera's axis, (H, W, 3)."""
    height, width = size
    camera = intrinsics(view, height, width)
    x = (np.arange(width) + 0.5 - camera[0, 2]) / camera[0, 0]
    y = (np.arange(height) + 0.5 - camera[1, 2]) / camera[1, 1]
    seen = np.stack(np.broadcast_arrays(x[None, :], y[:, None], 1.0), axis=-1)
    return np.asarray(seen @ axes(view))
