"""Photometric variation: the same motion under another light and through another camera."""

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from physai.infrastructure.contracts import Contract

MIDDLE = 127.5  # grey around which contrast turns


class Variation(Contract):
    """One way to look at an episode; the same for all its frames, so that no flicker is learned."""

    brightness: float = Field(ge=-0.5, le=0.5)
    """Added to every channel, as a fraction of white."""
    contrast: float = Field(gt=0, le=3)
    """Factor around middle grey."""
    hue_deg: float = Field(ge=-180, le=180)
    """Turn of the colours around the grey axis."""
    noise: float = Field(ge=0, le=64)
    """Standard deviation of the sensor's noise, in levels of 0 to 255; drawn anew for every frame."""

    def __str__(self) -> str:
        return (
            f"brightness {self.brightness:+.3f}, contrast {self.contrast:.3f}, "
            f"hue {self.hue_deg:+.1f} deg, noise {self.noise:.2f}"
        )


def draw(rng: np.random.Generator) -> Variation:
    """A mild variation: what a cloud, another bulb or another camera of the same make would do."""
    return Variation(
        brightness=round(float(rng.uniform(-0.12, 0.12)), 6),
        contrast=round(float(rng.uniform(0.8, 1.25)), 6),
        hue_deg=round(float(rng.uniform(-12, 12)), 6),
        noise=round(float(rng.uniform(0, 4)), 6),
    )


def apply(frames: NDArray[np.uint8], variation: Variation, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Vary frames.

    Args:
        frames: RGB, shape (T, height, width, 3).
        variation: What to change.
        rng: Source of the noise.

    Returns:
        RGB, same shape.
    """
    colours = frames.astype(np.float32) @ hue_matrix(variation.hue_deg).T
    colours = (colours - MIDDLE) * variation.contrast + MIDDLE + 255 * variation.brightness
    colours += rng.standard_normal(frames.shape, dtype=np.float32) * np.float32(variation.noise)
    levels: NDArray[np.uint8] = np.clip(np.rint(colours), 0, 255).astype(np.uint8)
    return levels


def hue_matrix(turn_deg: float) -> NDArray[np.float32]:
    """Rotation of RGB around the grey axis, shape (3, 3). Source: Rodrigues' formula with axis (1, 1, 1)/√3."""
    turn = np.deg2rad(turn_deg)
    grey = np.full((3, 3), 1 / 3)
    cross = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    return np.asarray(np.cos(turn) * np.eye(3) + np.sin(turn) * cross + (1 - np.cos(turn)) * grey, np.float32)
