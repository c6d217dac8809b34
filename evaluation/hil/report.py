"""What a rehearsal on a device says."""

from typing import Literal

from pydantic import Field

from physai.infrastructure.contracts import Contract, Digest, Document, Rate

from ..sil.device import DeviceReading
from .clock import ClockOffset
from .ladder import Ladder, RungName


class RungResult(Contract):
    """What happened on one rung."""

    rung: RungName
    episodes: int = Field(ge=0)
    steps: int = Field(ge=0)
    """Control steps."""
    success: Rate | None
    """Only of the full rung, and only if it was completed: a robot that is held back is not expected to arrive."""
    latency_ms: dict[str, float]
    """Quantiles `p0` to `p100` of request to answer, as seen from here; empty if nothing was answered."""
    lateness_p99_ms: float
    """Of our own control steps; where it is large, the misses are ours."""
    misses: int
    longest_miss: int
    aborted: str | None
    """Why the robot was stopped; None if the rung was completed."""


class HilReport(Document):
    """A rehearsal with the policy on a device."""

    kind: Literal["hil-report"] = "hil-report"
    version: Literal[1] = 1
    package: Digest
    conditions: Digest
    url: str
    rate_hz: float
    clock: ClockOffset
    before: DeviceReading
    after: DeviceReading | None
    """None if the device no longer answered."""
    ladder: Ladder
    rungs: tuple[RungResult, ...] = Field(min_length=1)

    @property
    def passed(self) -> bool:
        """Whether every rung was completed."""
        return len(self.rungs) == 3 and all(rung.aborted is None for rung in self.rungs)
