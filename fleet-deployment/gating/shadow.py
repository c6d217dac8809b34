"""Shadow mode: a new policy sees what the running one sees, and its actions are compared, never sent."""

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.contracts import Contract

from .rules import ShadowBounds


class ShadowVerdict(Contract):
    """Whether the new policy's actions were near enough to the running one's."""

    passed: bool
    why: str


class Comparison:
    """Actions of two policies over the same observations. Memory does not grow with the steps."""

    def __init__(self, lower: NDArray[np.float32], upper: NDArray[np.float32]) -> None:
        """Begin a comparison.

        Args:
            lower: Of each joint's range, shape (A,).
            upper: Shape (A,).
        """
        self._lower, self._upper = lower.astype(np.float64), upper.astype(np.float64)
        self._squares = np.zeros(len(lower))
        self._rows = 0
        self.max_abs = 0.0
        self.steps = 0
        self.violations = 0

    def add(self, running: NDArray[np.float32], new: NDArray[np.float32]) -> None:
        """One control step.

        Args:
            running: Actions that were sent, shape (N, A).
            new: What the new policy would have sent, shape (N, A).
        """
        finite = np.isfinite(new).all(axis=1)
        inside = ((new >= self._lower) & (new <= self._upper)).all(axis=1)
        self.violations += int((~(finite & inside)).any())
        difference = (new.astype(np.float64) - running)[finite]
        if len(difference):
            self._squares += (difference**2).sum(axis=0)
            self.max_abs = max(self.max_abs, float(np.abs(difference).max()))
        self._rows += len(difference)
        self.steps += 1

    @property
    def rms(self) -> float:
        """Root mean square of the difference, of the worst joint."""
        return float(np.sqrt(self._squares.max() / self._rows)) if self._rows else 0.0

    def verdict(self, bounds: ShadowBounds) -> ShadowVerdict | None:
        """What came of it; None while there are too few steps."""
        if self.steps < bounds.min_steps:
            return None
        checks = (
            (self.violations <= bounds.max_violations, f"{self.violations} steps not finite or out of range"),
            (self._rows > 0, "no step was finite"),
            (self.rms <= bounds.max_rms, f"RMS {self.rms:.4g} > {bounds.max_rms:g}"),
            (self.max_abs <= bounds.max_abs, f"greatest difference {self.max_abs:.4g} > {bounds.max_abs:g}"),
        )
        failed = [why for fine, why in checks if not fine]
        return ShadowVerdict(
            passed=not failed,
            why="; ".join(failed)
            or f"within bounds over {self.steps} steps (RMS {self.rms:.4g}, greatest {self.max_abs:.4g})",
        )
