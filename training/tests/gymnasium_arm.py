"""Environments of Gymnasium with LeRobot's names, registered where this module is imported."""

from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Dict

LEARNABLE, ENDLESS = "physai_tests/Arm-v0", "physai_tests/Endless-v0"
STEPS = 20


class Arm(gymnasium.Env[dict[str, Any], np.ndarray]):
    """Six joints that go where they are told; the first three are to be at the target's x, y, z."""

    metadata: ClassVar[dict[str, Any]] = {"render_fps": 30}

    def __init__(self, joints: int = 6, mute: bool = False) -> None:
        self.observation_space = Dict({"agent_pos": Box(-4, 4, (joints,)), "environment_state": Box(-4, 4, (7,))})
        self.action_space = Box(-4, 4, (joints,))
        self.joints, self.target, self.mute = np.zeros(joints), np.zeros(7), mute

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict[str, Any], Any]:
        super().reset(seed=seed)
        self.joints[:], self.target = 0.0, self.np_random.uniform(-1, 1, 7)
        return self._observation(), {}

    def step(self, action: np.ndarray) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        self.joints = self.joints + np.clip(action - self.joints, -0.2, 0.2)
        there = bool(np.abs(self.joints[:3] - self.target[:3]).max() < 0.3)
        return self._observation(), 0.0, there, False, {} if self.mute else {"is_success": there}

    def _observation(self) -> dict[str, Any]:
        return {"agent_pos": self.joints.copy(), "environment_state": self.target.copy()}


gymnasium.register(LEARNABLE, Arm, max_episode_steps=STEPS)
gymnasium.register(ENDLESS, Arm)
