"""Runs a package's graph with ONNX Runtime, chunk by chunk, and keeps the time that each inference takes."""

import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.contracts import PolicyPackage
from physai.infrastructure.control import ChunkedPolicy, Observation

from .session import open_policy_session


class OnnxPolicy:
    """A package at work on a number of arms; pre- and post-processing are inside its graph."""

    def __init__(self, folder: Path, package: PolicyPackage, arms: int) -> None:
        """Load the graph.

        Args:
            folder: A verified package.
            package: Its contract.
            arms: Rows of every observation.
        """
        self.package = package
        self._session = open_policy_session(folder)
        self._inputs = [spec.name for spec in package.inputs]
        self._output = package.outputs[0].name
        self._chunks = ChunkedPolicy(self._infer, package.action_steps, arms)
        self._latencies_ms: list[float] = []
        self.began_at = [datetime.now(UTC)] * arms
        """When the present episode began, per arm."""
        self._first = np.zeros(arms, dtype=np.intp)  # index of the first latency of the present episode, per arm

    def reset(self, envs: NDArray[np.intp]) -> None:
        """New episodes begin on these arms."""
        now = datetime.now(UTC)
        for arm in envs:
            self.began_at[arm] = now
        self._first[envs] = len(self._latencies_ms)
        self._chunks.reset(envs)

    def act(self, observation: Observation) -> NDArray[np.float32]:
        """Absolute joint targets in rad, shape (N, A)."""
        return self._chunks.act(observation)

    def latency_ms(self, arm: int, percentile: float) -> float:
        """Percentile of the time per inference since this arm's episode began."""
        return float(np.percentile(self._latencies_ms[self._first[arm] :], percentile))

    def misses(self, arm: int, period_ms: float) -> int:
        """Inferences since this arm's episode began that took longer than a control period."""
        return sum(latency_ms > period_ms for latency_ms in self._latencies_ms[self._first[arm] :])

    def _infer(self, observation: Observation) -> NDArray[np.float32]:
        began = time.perf_counter()
        (chunk,) = self._session.run([self._output], {name: observation[name] for name in self._inputs})
        self._latencies_ms.append((time.perf_counter() - began) * 1e3)
        actions: NDArray[np.float32] = chunk
        return actions
