"""Aggregation on the robot: thousands of control steps become one event."""

from array import array
from collections.abc import Callable
from time import monotonic

import numpy as np

from physai.infrastructure.contracts import ControlData, Digest

LONGEST_MS = 86_400_000.0  # a day


class ControlWindow:
    """Steps of a policy since the last close. Adding one costs an append."""

    def __init__(
        self, policy: Digest, release: str, period_ms: float, elapsed_s: Callable[[], float] = monotonic
    ) -> None:
        """Begin a window.

        Args:
            policy: At work.
            release: That put it there.
            period_ms: Of control; an inference that takes longer misses its deadline.
            elapsed_s: A clock that does not jump.
        """
        self._policy, self._release, self._period_ms, self._elapsed_s = policy, release, period_ms, elapsed_s
        self._latencies_ms = array("d")
        self._errors = 0
        self._began_s = elapsed_s()

    def step(self, latency_ms: float) -> bool:
        """An inference that gave a usable action; one whose time is none counts as an error. Whether it is one."""
        is_time = 0 <= latency_ms <= LONGEST_MS  # not a number is none
        if is_time:
            self._latencies_ms.append(latency_ms)
        else:
            self._errors += 1
        return is_time

    def error(self) -> None:
        """An inference that did not."""
        self._errors += 1

    def close(self, site: str, robot: str, cohort: str | None) -> ControlData | None:
        """What the window held, and begin the next; None if nothing was inferred, nor tried."""
        latencies, errors, began_s = np.array(self._latencies_ms), self._errors, self._began_s
        self._latencies_ms, self._errors, self._began_s = array("d"), 0, self._elapsed_s()
        if not len(latencies) and not errors:
            return None
        times: list[float | None] = [None] * 4  # of a policy that always fails
        if len(latencies):
            times = [*np.percentile(latencies, (50, 95, 99)).tolist(), float(latencies.max())]
        return ControlData(
            policy=self._policy,
            release=self._release,
            cohort=cohort,
            robot=robot,
            site=site,
            window_s=max(self._began_s - began_s, 1e-6),
            steps=len(latencies) + errors,
            inference_p50_ms=times[0],
            inference_p95_ms=times[1],
            inference_p99_ms=times[2],
            inference_max_ms=times[3],
            deadline_misses=int((latencies > self._period_ms).sum()),
            errors=errors,
        )
