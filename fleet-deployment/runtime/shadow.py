"""A candidate beside the running policy: it sees the same, answers in its own thread, and nothing is sent."""

import queue
import threading

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.contracts import PolicyPackage, ShadowRun
from physai.infrastructure.control import Observation, Policy
from physai.infrastructure.errors import PhysaiError

from ..gating.rules import ShadowBounds
from ..gating.shadow import Comparison, ShadowVerdict

BEHIND = 16  # steps that a candidate may be late; beyond them it is too slow for this robot


class Shadow:
    """One candidate. The step loop never waits for it."""

    def __init__(self, release: str, policy: Policy, package: PolicyPackage, bounds: ShadowBounds) -> None:
        """Begin; steps come by `see`.

        Args:
            release: Name of the candidate's release.
            policy: The candidate, for one robot.
            package: Its contract.
            bounds: By which it is judged.
        """
        self.release = release
        self._policy, self._bounds = policy, bounds
        lower, upper = ([getattr(limit, end) for limit in package.limits] for end in ("lower_rad", "upper_rad"))
        self._comparison = Comparison(np.array(lower, np.float32), np.array(upper, np.float32))
        self._steps: queue.Queue[tuple[Observation, NDArray[np.float32]]] = queue.Queue(BEHIND)
        self._skipped = 0
        self._failed: str | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._compare, name="shadow", daemon=True)
        self._thread.start()

    def see(self, observation: Observation, running: NDArray[np.float32]) -> None:
        """One control step: what was measured, and what the running policy wanted, (1, A)."""
        try:
            self._steps.put_nowait((observation, running))
        except queue.Full:
            self._skipped += 1

    @property
    def run(self) -> ShadowRun:
        """How far it has come."""
        compared = self._comparison
        return ShadowRun(
            release=self.release,
            steps=compared.steps,
            min_steps=self._bounds.min_steps,
            rms=compared.rms,
            max_abs=compared.max_abs,
            violations=compared.violations,
            skipped=self._skipped,
        )

    def verdict(self) -> ShadowVerdict | None:
        """What came of it; None while there are too few steps."""
        if self._failed:
            return ShadowVerdict(passed=False, why=self._failed[:500])
        if self._skipped > self._bounds.max_violations:
            return ShadowVerdict(passed=False, why=f"too slow for the control rate: {self._skipped} steps not answered")
        return self._comparison.verdict(self._bounds)

    def close(self) -> None:
        """End it."""
        self._over.set()
        self._thread.join()

    def _compare(self) -> None:
        while not self._over.is_set():
            try:
                observation, running = self._steps.get(timeout=0.1)
            except queue.Empty:
                continue
            try:
                new = self._policy.act(observation)
            except PhysaiError as error:
                self._failed = str(error)
                return
            self._comparison.add(running, new)
