"""The safety ladder: watch first, then move slowly, then as trained. A rung that fails is not stepped over."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from physai.infrastructure.contracts import Contract
from physai.infrastructure.control import Observation, Policy

from .realtime import STATE

RungName = Literal["no-command", "limited", "full"]


class Ladder(Contract):
    """How careful the steps are."""

    watched_episodes: int = Field(default=2, ge=1)
    """The policy is asked, and nothing of what it says is sent."""
    limited_episodes: int = Field(default=2, ge=1)
    limited_rad_s: float = Field(default=0.25, gt=0)
    """Joint speed on the second rung. Reduced speed is 250 mm/s of the tool at most (ISO 10218-1:2011, 5.6.2); at a
    reach of 1 m that is 0.25 rad/s of one joint."""
    max_consecutive_misses: int = Field(default=15, ge=0)
    """Control steps in a row without an action before the robot is stopped."""


class NoCommand:
    """Asks the policy and lets the robot stand where it is."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._stand: NDArray[np.float32] | None = None

    def reset(self, envs: NDArray[np.intp]) -> None:
        """A new episode, a new place to stand."""
        self._stand = None
        self._policy.reset(envs)

    def act(self, observation: Observation) -> NDArray[np.float32]:
        """Where the robot was measured when the episode began."""
        self._policy.act(observation)
        if self._stand is None:
            self._stand = observation[STATE].copy()
        return self._stand


class Limited:
    """Bounds the speed of every joint, whatever the policy asks for."""

    def __init__(self, policy: Policy, rad_per_step: float) -> None:
        self._policy = policy
        self._step = rad_per_step
        self._sent: NDArray[np.float32] | None = None

    def reset(self, envs: NDArray[np.intp]) -> None:
        """A new episode begins where the robot is."""
        self._sent = None
        self._policy.reset(envs)

    def act(self, observation: Observation) -> NDArray[np.float32]:
        """The policy's target, or as far towards it as the bound lets the joint go from what was sent before."""
        wanted = self._policy.act(observation)
        before = observation[STATE] if self._sent is None else self._sent
        self._sent = before + np.clip(wanted - before, -self._step, self._step)
        return self._sent
