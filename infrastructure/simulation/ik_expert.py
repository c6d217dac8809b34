"""An expert that knows the robot exactly: Isaac Lab's differential inverse kinematics towards the target."""

from __future__ import annotations

import numpy as np
import torch
from isaaclab.controllers import DifferentialIKController, DifferentialIKControllerCfg
from isaaclab.utils.math import subtract_frame_transforms
from numpy.typing import NDArray

from ..control import Observation
from .env import TaskEnv, floats

STEP_RAD = 0.15
"""Largest lead of a joint's target over its position; bounds the speed."""


class IkExpert:
    """Damped least squares on the true pose of the tool, true joint angles and the true Jacobian."""

    def __init__(self, env: TaskEnv) -> None:
        self._env = env
        cfg = DifferentialIKControllerCfg(command_type="pose", use_relative_mode=False, ik_method="dls")
        self._ik = DifferentialIKController(cfg, num_envs=env.num_envs, device=env.command.device)

    def reset(self, envs: NDArray[np.intp]) -> None:
        """Nothing to forget: each action follows from the present state alone."""

    def act(self, observation: Observation) -> NDArray[np.float32]:  # noqa: ARG002  it looks at the truth
        """A step towards the target, no joint by more than `STEP_RAD`."""
        data, tool = self._env.articulation.data, self._env.tool
        root_w, tool_w = data.root_pose_w.torch, data.body_pose_w.torch[:, tool]
        position, orientation = subtract_frame_transforms(root_w[:, :3], root_w[:, 3:], tool_w[:, :3], tool_w[:, 3:])
        jacobian = data.body_link_jacobian_w.torch[:, tool - 1]  # a fixed base has no row
        joint_pos = data.joint_pos.torch
        self._ik.set_command(self._env.command, position, orientation)
        wanted = self._ik.compute(position, orientation, jacobian, joint_pos)
        step = torch.clamp(wanted - joint_pos, -STEP_RAD, STEP_RAD)
        return floats(joint_pos + step)
