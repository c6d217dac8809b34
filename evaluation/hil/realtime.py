"""A policy behind a network, asked at the rate of the wall clock: what comes late is not waited for."""

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.contracts import JointLimits
from physai.infrastructure.control import Infer, Observation

from ..errors import EvaluationError

STATE = "observation.state"
BEYOND_RAD = 1e-3


class AbortError(EvaluationError):
    """A limit was passed: the robot is to stand still."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"aborted: {reason}. See the report, mend the device or the policy, and begin at the first rung."
        )


@dataclass
class Timing:
    """What was seen while a policy was asked."""

    latencies_ms: list[float] = field(default_factory=list)
    """From a request to its answer, late ones too."""
    lateness_ms: list[float] = field(default_factory=list)
    """Of each of our own control steps: the rehearsal's own jitter."""
    misses: int = 0
    """Control steps without a fresh action; the last one was held."""
    longest_miss: int = 0
    """Most of them in a row."""


class RealTimePolicy:
    """One robot's policy. Holds the last target where no action is there in time, and counts that."""

    def __init__(
        self,
        infer: Infer,
        *,
        rate_hz: float,
        action_steps: int,
        limits: Sequence[JointLimits],
        max_consecutive_misses: int,
    ) -> None:
        """Nothing is asked yet.

        Args:
            infer: Runs in a thread of its own, always the same.
            rate_hz: Control steps per second of the wall clock.
            action_steps: Actions of a chunk that are executed.
            limits: Range of every joint; an action beyond it aborts.
            max_consecutive_misses: One more in a row aborts.
        """
        self.timing = Timing()
        self._infer, self._period_s, self._steps = infer, 1 / rate_hz, action_steps
        self._lower = np.array([limit.lower_rad for limit in limits]) - BEYOND_RAD
        self._upper = np.array([limit.upper_rad for limit in limits]) + BEYOND_RAD
        self._joints = [limit.joint for limit in limits]
        self._max_misses = max_consecutive_misses
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="device")
        self._next = 0.0
        self._tick = 0
        self._missed = 0
        self._pending: Future[NDArray[np.float32]] | None = None
        self._asked = 0
        self._plan: list[NDArray[np.float32]] = []
        self._held: NDArray[np.float32] | None = None

    def close(self) -> None:
        """End the thread; an answer that is still awaited is dropped."""
        self._worker.shutdown(wait=True, cancel_futures=True)

    def reset(self, envs: NDArray[np.intp]) -> None:  # noqa: ARG002  there is one robot
        """A new episode: nothing of the old plan, and no answer to an old question, is used."""
        self._pending, self._plan, self._held = None, [], None
        self._next = 0.0

    def act(self, observation: Observation) -> NDArray[np.float32]:
        """The action of this control step, (1, A).

        Raises:
            AbortError: If an action is not finite or beyond a joint's range, or too many steps in a row had none.
        """
        deadline = self._wait_for_tick()
        self._collect()
        if not self._plan and self._pending is None:
            self._pending, self._asked = self._worker.submit(self._timed, dict(observation)), self._tick
        if not self._plan and self._pending is not None:
            wait([self._pending], timeout=max(0.0, deadline - time.monotonic()))
            self._collect()
        self._tick += 1
        if not self._plan:
            return self._hold(observation[STATE])
        self._missed = 0
        self._held = self._plan.pop(0)[None]
        return self._held

    def _wait_for_tick(self) -> float:
        """Sleep until this step is due; when the next one is."""
        now = time.monotonic()
        if self._next == 0.0:
            self._next = now
        time.sleep(max(0.0, self._next - now))
        self.timing.lateness_ms.append(max(0.0, time.monotonic() - self._next) * 1e3)
        self._next += self._period_s
        return self._next

    def _timed(self, observation: Observation) -> NDArray[np.float32]:
        start = time.perf_counter()
        answer = self._infer(observation)
        self.timing.latencies_ms.append((time.perf_counter() - start) * 1e3)
        return answer

    def _collect(self) -> None:
        """Take an answer that has come; of its actions, those whose time has passed are left out."""
        if self._pending is None or not self._pending.done():
            return
        chunk = self._pending.result()[0, : self._steps]
        self._pending = None
        self._check(chunk)
        self._plan = list(chunk[self._tick - self._asked :])

    def _check(self, chunk: NDArray[np.float32]) -> None:
        if not np.isfinite(chunk).all():
            raise AbortError("an action is not a finite number")
        beyond = (chunk < self._lower) | (chunk > self._upper)
        if beyond.any():
            step, joint = np.argwhere(beyond)[0]
            raise AbortError(f"{self._joints[joint]} was sent to {chunk[step, joint]:.3f} rad, beyond its range")

    def _hold(self, measured: NDArray[np.float32]) -> NDArray[np.float32]:
        self._missed += 1
        self.timing.misses += 1
        self.timing.longest_miss = max(self.timing.longest_miss, self._missed)
        if self._missed > self._max_misses:
            raise AbortError(f"{self._missed} control steps in a row had no action in time")
        return measured.copy() if self._held is None else self._held
