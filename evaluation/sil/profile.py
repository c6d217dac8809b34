"""Latencies recorded on a device, to be put between a simulated robot and its policy."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from physai.infrastructure.contracts import Digest

from ..errors import ProfileError
from ..hil.report import HilReport


class DeviceProfile(NamedTuple):
    """How long a device takes to answer."""

    digest: Digest
    """Of the rehearsal's report."""
    shares: tuple[float, ...]
    """0 to 1, ascending."""
    latency_ms: tuple[float, ...]
    """At these shares, ascending."""

    def draw_ms(self, rng: np.random.Generator) -> float:
        """One latency, by the inverse of the recorded distribution, linear between its quantiles."""
        return float(np.interp(rng.random(), self.shares, self.latency_ms))


def read_profile(path: Path) -> DeviceProfile:
    """The latencies of a rehearsal's last rung on which the device answered.

    Args:
        path: Report of `physai evaluation hil run`.

    Raises:
        ProfileError: If no rung holds latencies.
        PhysaiError: If it is no such report.
    """
    report = HilReport.read(path)
    answered = [rung.latency_ms for rung in report.rungs if rung.latency_ms]
    if not answered:
        raise ProfileError(path)
    quantiles = sorted((float(name.removeprefix("p")) / 100, value) for name, value in answered[-1].items())
    shares, latency_ms = zip(*quantiles, strict=True)
    return DeviceProfile(report.digest, shares, latency_ms)
