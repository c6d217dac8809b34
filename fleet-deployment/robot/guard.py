"""The last thing before the motors: no command beyond a joint's range, and none that is not a number."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.contracts import JointLimits
from physai.infrastructure.control import Observation, Policy
from physai.infrastructure.fit import STATE


class Guard:
    """A policy whose actions are safe to send, with a count of those that were not.

    An action with a number beyond its joint's range is clamped to it. An action that is not finite is not used at
    all: the arm holds the target it was sent last, or where it measures itself if the episode has just begun.
    """

    def __init__(self, policy: Policy, limits: Sequence[JointLimits], arms: int) -> None:
        """Guard a policy.

        Args:
            policy: Asked for actions.
            limits: In joint order.
            arms: Rows of every observation.
        """
        self._policy = policy
        self._lower = np.array([limit.lower_rad for limit in limits], dtype=np.float32)
        self._upper = np.array([limit.upper_rad for limit in limits], dtype=np.float32)
        self._sent = np.full((arms, len(limits)), np.nan, dtype=np.float32)  # nan: nothing yet in this episode
        self.clamped = np.zeros(arms, dtype=np.intp)
        """Actions clamped in the present episode, per arm."""
        self.held = np.zeros(arms, dtype=np.intp)
        """Actions replaced by holding position in the present episode, per arm."""

    def reset(self, envs: NDArray[np.intp]) -> None:
        """New episodes begin on these arms."""
        self.clamped[envs] = 0
        self.held[envs] = 0
        self._sent[envs] = np.nan
        self._policy.reset(envs)

    def act(self, observation: Observation) -> NDArray[np.float32]:
        """Absolute joint targets in rad, shape (N, A), finite and in range."""
        wanted = self._policy.act(observation)
        bad = np.logical_not(np.isfinite(wanted)).any(axis=1)
        hold = np.where(np.isnan(self._sent), observation[STATE], self._sent)
        action = np.where(bad[:, None], hold, wanted)
        self._sent = np.clip(action, self._lower, self._upper)
        self.held += bad
        self.clamped += np.logical_not(bad) & (self._sent != action).any(axis=1)
        return self._sent.copy()
