"""Patterns in space: the same point has the same colour whichever camera sees it.

Source: Peachey 1985, solid texturing of complex surfaces, doi 10.1145/325165.325246.
"""

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.contracts import Pattern

LATTICE = 32  # points of the noise along each axis, after which it repeats
ASIDE = np.array([0.137, 0.291, 0.453])  # of a period: a plane through the origin is no border between two fields
RAMP_M = 2.0  # over which a gradient goes from its first colour to its second, centred at the base


def solid(pattern: Pattern, points_m: NDArray[np.float32], scale_m: float, seed: int) -> NDArray[np.float32]:
    """Colours of points.

    Args:
        pattern: Look and colours.
        points_m: In the base frame, (..., 3).
        scale_m: Edge of a checker's field, or wavelength of the noise.
        seed: Of the noise.

    Returns:
        RGB 0..1, (..., 3).
    """
    if pattern.look == "checker":
        share = (np.floor(points_m / scale_m + ASIDE).sum(axis=-1) % 2).astype(np.float32)
    elif pattern.look == "gradient":
        share = np.clip(points_m[..., 1] / RAMP_M + 0.5, 0, 1)
    elif pattern.look == "noise":
        share = value_noise(points_m / scale_m + ASIDE, seed)
    else:
        share = np.zeros(points_m.shape[:-1], np.float32)
    first, second = np.array(pattern.first, np.float32), np.array(pattern.second, np.float32)
    return np.asarray(first + share[..., None] * (second - first), np.float32)


def value_noise(places: NDArray[np.floating], seed: int) -> NDArray[np.float32]:
    """Random values at whole places, smoothly joined; 0..1, (...)."""
    lattice = np.random.default_rng([seed, 2]).random((LATTICE,) * 3, dtype=np.float32)
    low = np.floor(places).astype(np.int64)
    part = places - low
    smooth = (part * part * (3 - 2 * part)).astype(np.float32)
    value = np.zeros(places.shape[:-1], np.float32)
    for corner in np.ndindex(2, 2, 2):
        weight = np.prod(np.where(np.array(corner) == 1, smooth, 1 - smooth), axis=-1)
        x, y, z = np.moveaxis((low + corner) % LATTICE, -1, 0)
        value += weight * lattice[x, y, z]
    return value
