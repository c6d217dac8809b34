"""The last thing before the motors: no command beyond a joint's range or too fast, and none that is not a number."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.contracts import JointLimits
from physai.infrastructure.control import Observation, Policy
from physai.infrastructure.fit import STATE

from .motion import Ramp


class Guard:
    """A policy whose actions are safe to send, with a count of those that were not.

    An action with a number beyond its joint's range is clamped to it. An action that is not finite is not used at
    all: the arm holds the target it was sent last, or where it measures itself if the episode has just begun.
    """

    def __init__(self, policy: Policy, limits: Sequence[JointLimits], arms: int, ramp: Ramp | None = None) -> None:
        """Guard a policy.

        Args:
            policy: Asked for actions.
            limits: In joint order.
            arms: Rows of every observation.
            ramp: Bounds speed and acceleration; None where the simulated drives do.
        """
        self.policy = policy
        """Asked for actions; may be replaced between two steps."""
        self._lower = np.array([limit.lower_rad for limit in limits], dtype=np.float32)
        self._upper = np.array([limit.upper_rad for limit in limits], dtype=np.float32)
        self._ramp = ramp
        nothing = np.full((arms, len(limits)), np.nan, dtype=np.float32)
        self._sent: NDArray[np.float32] = nothing  # nan until the first target of an episode
        self.wanted: NDArray[np.float32] = nothing
        """What the policy asked for last, (arms, joints)."""
        self.clamped = np.zeros(arms, dtype=np.intp)
        """Actions clamped to a joint's range in the present episode, per arm."""
        self.held = np.zeros(arms, dtype=np.intp)
        """Actions replaced by holding position in the present episode, per arm."""
        self.slowed = np.zeros(arms, dtype=np.intp)
        """Actions that were too fast in the present episode, per arm."""

    def reset(self, envs: NDArray[np.intp]) -> None:
        """New episodes begin on these arms."""
        for count in (self.clamped, self.held, self.slowed):
            count[envs] = 0
        self._sent[envs] = np.nan
        if self._ramp:
            self._ramp.rest(envs)
        self.policy.reset(envs)

    def act(self, observation: Observation) -> NDArray[np.float32]:
        """Absolute joint targets in rad, shape (N, A), finite and in range."""
        self.wanted = self.policy.act(observation)
        return self.send(self.wanted, observation[STATE])

    def hold(self, measured: NDArray[np.float32]) -> NDArray[np.float32]:
        """Targets that bring every arm to rest without asking the policy."""
        return self.send(np.full_like(self._sent, np.nan), measured)

    def send(self, wanted: NDArray[np.float32], measured: NDArray[np.float32]) -> NDArray[np.float32]:
        """What is sent in place of what is wanted, (N, A).

        Args:
            wanted: Absolute joint targets in rad.
            measured: Joint positions in rad.
        """
        bad = np.logical_not(np.isfinite(wanted)).any(axis=1)
        still = np.where(np.isnan(self._sent), measured, self._sent)
        action = np.where(bad[:, None], still, wanted)
        inside = np.clip(action, self._lower, self._upper)
        self.held += bad
        self.clamped += np.logical_not(bad) & (inside != action).any(axis=1)
        self._sent = self._slow(inside, bad, measured) if self._ramp else inside
        return self._sent.copy()

    def _slow(
        self, inside: NDArray[np.float32], bad: NDArray[np.bool_], measured: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        assert self._ramp is not None, "only asked with a ramp"
        goal = np.where(bad[:, None], np.nan, inside).astype(np.float64)
        sent = np.clip(self._ramp.step(goal, measured.astype(np.float64)), self._lower, self._upper)
        slow = sent.astype(np.float32)
        self.slowed += np.logical_not(bad) & (np.abs(slow - inside) > 1e-6).any(axis=1)
        return slow
