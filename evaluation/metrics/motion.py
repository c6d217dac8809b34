"""How a robot moved: length and smoothness of its path in joint space."""

import numpy as np
from numpy.typing import NDArray

CUTOFF_HZ = 10.0
AMPLITUDE = 0.05  # share of the spectrum's peak under which a frequency no longer counts
PADDING = 4  # factor 2**4 of zero padding, for a fine frequency grid


def motion_kpis(joint_pos_rad: NDArray[np.floating], rate_hz: float) -> dict[str, float]:
    """Measures of one episode's motion.

    Args:
        joint_pos_rad: Measured joint positions, shape (T, joints).
        rate_hz: Rows per second.
    """
    speed = np.linalg.norm(np.diff(joint_pos_rad.astype(np.float64), axis=0), axis=1) * rate_hz
    kpis = {"path_length_rad": path_length_rad(joint_pos_rad)}
    if speed.size > 1 and speed.max() > 0:
        kpis["smoothness_sparc"] = spectral_arc_length(speed, rate_hz)
    return kpis


def path_length_rad(joint_pos_rad: NDArray[np.floating]) -> float:
    """Length of the path in joint space, the sum of the Euclidean steps; shape (T, joints)."""
    return float(np.linalg.norm(np.diff(joint_pos_rad.astype(np.float64), axis=0), axis=1).sum())


def spectral_arc_length(speed: NDArray[np.float64], rate_hz: float) -> float:
    """Smoothness of a speed profile, shape (T,): near -1.4 for one smooth reach, lower for jerky motion.

    Source: Balasubramanian et al. 2015, doi:10.1186/s12984-015-0090-9, eqs. 3 to 5.
    """
    size = 2 ** (int(np.ceil(np.log2(speed.size))) + PADDING)
    frequency_hz = np.arange(size) * rate_hz / size
    spectrum = np.abs(np.fft.fft(speed, size))
    spectrum /= spectrum.max()
    kept = frequency_hz <= min(CUTOFF_HZ, rate_hz / 2)
    frequency_hz, spectrum = frequency_hz[kept], spectrum[kept]
    loud = np.flatnonzero(spectrum >= AMPLITUDE)
    frequency_hz, spectrum = frequency_hz[: loud[-1] + 1], spectrum[: loud[-1] + 1]
    if frequency_hz.size < 2:
        return 0.0
    step = np.diff(frequency_hz) / (frequency_hz[-1] - frequency_hz[0])
    return -float(np.hypot(step, np.diff(spectrum)).sum())
