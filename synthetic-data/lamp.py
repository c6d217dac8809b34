"""Colour and direction of the light in a simulated scene."""

import math

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.contracts import Light
from physai.infrastructure.contracts.synthetic import Vector

WHITE_K = 6500.0
TO_RGB = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])
"""CIE XYZ to linear sRGB. Source: IEC 61966-2-1."""


def travels(light: Light) -> Vector:
    """Direction in which the light goes, of length 1."""
    azimuth, elevation = math.radians(light.azimuth_deg), math.radians(light.elevation_deg)
    flat = math.cos(elevation)
    return -flat * math.cos(azimuth), -flat * math.sin(azimuth), -math.sin(elevation)


def tint(temperature_k: float) -> NDArray[np.float32]:
    """Linear RGB of a black body against that of 6500 K, at equal luminance."""
    color = _linear_rgb(temperature_k) / _linear_rgb(WHITE_K)
    return np.asarray(color, np.float32)


def _linear_rgb(kelvin: float) -> NDArray[np.float64]:
    """Of a black body with luminance 1. Source: Kim et al. 2002, US patent 7,024,034, from 1667 to 25000 K."""
    powers = np.array([1e9 / kelvin**3, 1e6 / kelvin**2, 1e3 / kelvin, 1.0])
    low = (-0.2661239, -0.2343589, 0.8776956, 0.179910)
    high = (-3.0258469, 2.1070379, 0.2226347, 0.240390)
    x = float(powers @ (low if kelvin < 4000 else high))
    if kelvin < 2222:
        curve = (-1.1063814, -1.34811020, 2.18555832, -0.20219683)
    elif kelvin < 4000:
        curve = (-0.9549476, -1.37418593, 2.09137015, -0.16748867)
    else:
        curve = (3.0817580, -5.87338670, 3.75112997, -0.37001483)
    y = float(np.polyval(curve, x))
    return np.clip(TO_RGB @ [x / y, 1.0, (1 - x - y) / y], 1e-4, None)


def displayed(linear: NDArray[np.float32]) -> NDArray[np.float32]:
    """Linear light as sRGB, 0..1. Source: IEC 61966-2-1."""
    light = np.clip(linear, 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055).astype(np.float32)
