"""Depth images as LeRobot stores them: distances on a logarithmic scale of 12 bits, in a lossless grey video.

Constants and formulas are those of lerobot 0.6.1, `configs/video.py` and `datasets/depth_utils.py`; codes are equal to
its own to the last bit. What was not measured is 0, which is the lowest code, as in LeRobot.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Unit = Literal["m", "mm"]
DepthImage = NDArray[np.uint16] | NDArray[np.float32]
"""Distances along the optical axis: uint16 in mm, or float32 in m. Source: REP 118."""

PER_M: Mapping[str, float] = {"m": 1.0, "mm": 1000.0}
PIX_FMT = "gray12le"
HIGHEST = 4095  # code: 12 bits
ENCODER: Mapping[str, Any] = {
    "g": 2,
    "crf": 30,
    "preset": "ultrafast",
    "fast_decode": 0,
    "extra_options": {"x265-params": "lossless=1:bframes=0:ctu=16:min-cu-size=16:rd=1"},
}
"""LeRobot's defaults, but for x265's preset, blocks of one size and the least effort to divide them, which are a matter
of speed and size alone in a lossless video (twice as fast as the preset, files 1 % larger), and for B-frames: without
them a video can be cut at every keyframe."""
COLOURS = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37))
"""From near to far: viridis at quarters. Source: matplotlib, `_cm_listed.py`."""


@dataclass(frozen=True)
class Scale:
    """How distances become codes; in m."""

    depth_min: float = 0.01
    depth_max: float = 10.0
    shift: float = 3.5
    use_log: bool = True

    @classmethod
    def of(cls, info: Mapping[str, Any] | None) -> "Scale":
        """The scale that the `info` of a feature tells; LeRobot's defaults for what it does not."""
        told = {name: (info or {}).get(f"video.{name}") for name in ("depth_min", "depth_max", "shift", "use_log")}
        return cls(**{name: value for name, value in told.items() if value is not None})

    def codes(self, depth: DepthImage) -> NDArray[np.uint16]:
        """Codes 0 to 4095 of a depth image; what is nearer or farther than the scale becomes its end.

        Args:
            depth: Any shape; without NaN.
        """
        if depth.dtype == np.uint16:
            return np.asarray(_table(self)[depth], np.uint16)
        return self._codes(depth, "m")

    def _codes(self, depth: NDArray[Any], unit: Unit) -> NDArray[np.uint16]:
        """In float32 and in the unit of the image, as LeRobot computes."""
        low, high, shift = (np.float32(v * PER_M[unit]) for v in (self.depth_min, self.depth_max, self.shift))
        values = depth.astype(np.float32)
        if self.use_log:
            start, end = float(np.log(float(low + shift))), float(np.log(float(high + shift)))
            part = (np.log(np.maximum(values, low) + shift) - np.float32(start)) / np.float32(end - start)
        else:
            part = (values - low) / (high - low)
        return np.asarray(np.rint(part * HIGHEST).clip(0, HIGHEST), np.uint16)

    def metres(self, codes: NDArray[np.uint16]) -> NDArray[np.float32]:
        """Distances of codes in m, to 0.01 mm those that LeRobot gives."""
        return np.asarray(_distances(self)[codes], np.float32)

    def step_m(self, depth_m: NDArray[np.float32]) -> NDArray[np.float32]:
        """How far apart the distances of neighbouring codes are, at distances in m."""
        if not self.use_log:
            return np.full_like(depth_m, (self.depth_max - self.depth_min) / HIGHEST)
        ratio = ((self.depth_max + self.shift) / (self.depth_min + self.shift)) ** (1 / HIGHEST)
        return np.asarray((depth_m + self.shift) * (ratio - 1), np.float32)

    def within(self, depth: DepthImage) -> NDArray[np.float32]:
        """Distances in m as the scale can tell them: those beyond it at its ends."""
        metres = depth.astype(np.float32) / np.float32(PER_M[unit_of(depth)])
        return np.asarray(metres.clip(self.depth_min, self.depth_max), np.float32)


LEROBOT = Scale()


def unit_of(depth: DepthImage) -> Unit:
    """The unit of a depth image, which its type tells. Source: lerobot 0.6.1, `infer_depth_unit`."""
    return "m" if depth.dtype == np.float32 else "mm"


def in_unit(metres: NDArray[np.float32], unit: str | None) -> DepthImage:
    """Distances in m as an image in a unit; by default mm, as LeRobot gives them."""
    return metres if unit == "m" else np.rint(metres * PER_M["mm"]).astype(np.uint16)


def dtype_of(unit: str) -> "np.dtype[np.uint16] | np.dtype[np.float32]":
    """The type of depth images in a unit."""
    return np.dtype(np.float32) if unit == "m" else np.dtype(np.uint16)


def measured(depth: DepthImage, scale: Scale = LEROBOT) -> DepthImage:
    """A depth image without NaN and infinities.

    What was not measured (NaN) or is too near (-Inf) becomes 0, what is too far (+Inf) the end of the scale. Source of
    their meaning: REP 117.
    """
    if depth.dtype == np.uint16:
        return depth
    return np.nan_to_num(depth, nan=0.0, posinf=scale.depth_max, neginf=0.0).astype(np.float32)


def picture(codes: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Codes as colours for people, from violet (near) to yellow (far); black: not measured.

    Returns:
        RGB, shape (..., 3).
    """
    return np.asarray(_colours()[codes], np.uint8)


@lru_cache(maxsize=8)
def _table(scale: Scale) -> NDArray[np.uint16]:
    """The code of every distance in mm."""
    return scale._codes(np.arange(65536), "mm")


@lru_cache(maxsize=8)
def _distances(scale: Scale) -> NDArray[np.float32]:
    """The distance of every code, in m."""
    part = np.arange(HIGHEST + 1, dtype=np.float32)
    if not scale.use_log:
        step = (scale.depth_max - scale.depth_min) / HIGHEST
        return (part * np.float32(step) + np.float32(scale.depth_min)).clip(scale.depth_min, scale.depth_max)
    start = float(np.log(scale.depth_min + scale.shift))
    step = (float(np.log(scale.depth_max + scale.shift)) - start) / HIGHEST
    metres = np.exp(part * np.float32(step) + np.float32(start)) - np.float32(scale.shift)
    return np.asarray(metres.clip(scale.depth_min, scale.depth_max), np.float32)


@lru_cache(maxsize=1)
def _colours() -> NDArray[np.uint8]:
    stops = np.array(COLOURS, np.float64)
    at, part = np.linspace(0, 1, len(stops)), np.linspace(0, 1, HIGHEST + 1)
    colours = np.stack([np.interp(part, at, channel) for channel in stops.T], axis=1).round().astype(np.uint8)
    colours[0] = 0
    return colours
