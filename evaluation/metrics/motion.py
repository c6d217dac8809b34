"""How a robot moved: length and smoothness of its path in joint space."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.contracts import JointLimits

CUTOFF_HZ = 10.0
AMPLITUDE = 0.05  # share of the spectrum's peak under which a frequency no longer counts
BEYOND_RAD = 1e-3  # makers publish degrees, assets round them
PADDING = 4  # factor 2**4 of zero padding, for a fine frequency grid


def motion_kpis(joint_pos_rad: NDArray[np.floating], rate_hz: float) -> dict[str, float]:
    """Measures of one episode's motion.

    Args:
        joint_pos_rad: Measured joint positions, shape (T, joints).
        rate_hz: Rows per second.
    """
    speed = np.linalg.norm(np.diff(joint_pos_rad.astype(np.float64), axis=0), axis=1) * rate_hz
    kpis = {"path_length_rad": path_length_rad(joint_pos_rad)}
    if kpis["path_length_rad"] > 0:
        straight = float(np.linalg.norm(joint_pos_rad[-1].astype(np.float64) - joint_pos_rad[0]))
        kpis["path_efficiency"] = straight / kpis["path_length_rad"]
    if len(joint_pos_rad) > 3:
        kpis["jerk_rms_rad_s3"] = jerk_rms_rad_s3(joint_pos_rad, rate_hz)
    if speed.size > 1 and speed.max() > 0:
        kpis["smoothness_sparc"] = spectral_arc_length(speed, rate_hz)
    return kpis


def path_length_rad(joint_pos_rad: NDArray[np.floating]) -> float:
    """Length of the path in joint space, the sum of the Euclidean steps; shape (T, joints)."""
    return float(np.linalg.norm(np.diff(joint_pos_rad.astype(np.float64), axis=0), axis=1).sum())


def jerk_rms_rad_s3(joint_pos_rad: NDArray[np.floating], rate_hz: float) -> float:
    """Root mean square of the third time derivative over all joints and times; shape (T, joints), T at least 4."""
    jerk = np.diff(joint_pos_rad.astype(np.float64), n=3, axis=0) * rate_hz**3
    return float(np.sqrt(np.mean(jerk**2)))


def limit_violations(targets_rad: NDArray[np.floating], limits: Sequence[JointLimits]) -> float:
    """Control steps at which a joint is sent beyond its range; targets of shape (T, joints)."""
    lower = np.array([limit.lower_rad for limit in limits]) - BEYOND_RAD
    upper = np.array([limit.upper_rad for limit in limits]) + BEYOND_RAD
    return float(((targets_rad < lower) | (targets_rad > upper)).any(axis=1).sum())


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
