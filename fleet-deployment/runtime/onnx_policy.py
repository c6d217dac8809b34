"""Runs a package's graph with ONNX Runtime, chunk by chunk, and keeps the time that each inference takes."""

import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.contracts import PolicyPackage
from physai.infrastructure.control import Observation
from physai.infrastructure.errors import one_line
from physai.infrastructure.registry.verify import GOLDEN_FILE, read_golden

from ..errors import InferenceError
from .blend import BlendedPolicy
from .session import open_policy_session

KEPT = 100_000  # inferences whose time is remembered


class OnnxPolicy:
    """A package at work on a number of arms; pre- and post-processing are inside its graph."""

    def __init__(self, folder: Path, package: PolicyPackage, arms: int, blend_steps: int = 0) -> None:
        """Load the graph.

        Args:
            folder: A verified package.
            package: Its contract.
            arms: Rows of every observation.
            blend_steps: Actions over which one chunk runs into the next; 0 as in training and evaluation.
        """
        self.package = package
        self._session = open_policy_session(folder, rows=1 if arms == 1 else None)  # of many, those without a chunk ask
        self._inputs = [spec.name for spec in package.inputs]
        self._output = package.outputs[0].name
        self._chunks = BlendedPolicy(self._infer, package.action_steps, arms, blend_steps, package.inputs)
        self._latencies_ms: list[float] = []
        self.began_at = [datetime.now(UTC)] * arms
        """When the present episode began, per arm."""
        self._first: NDArray[np.intp] = np.zeros(arms, dtype=np.intp)
        """Index of the first latency of the present episode, per arm."""

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
        try:
            (chunk,) = self._session.run([self._output], {name: observation[name] for name in self._inputs})
        except Exception as error:  # ONNX Runtime has no base class of its own
            raise InferenceError(self.package.name, one_line(error, 160)) from error
        if len(self._latencies_ms) >= KEPT:  # a robot may go on for months without a new episode
            del self._latencies_ms[: KEPT // 2]
            self._first = np.maximum(self._first - KEPT // 2, 0)
        self._latencies_ms.append((time.perf_counter() - began) * 1e3)
        actions: NDArray[np.float32] = chunk
        return actions

    def warm_up(self, folder: Path) -> None:
        """Ask the graph once, so that the first step on the robot is no slower than the others."""
        golden = read_golden(folder / GOLDEN_FILE, self.package)
        self._infer({name: golden[name][:1] for name in self._inputs})
        self._latencies_ms.clear()
