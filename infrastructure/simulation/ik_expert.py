"""An expert that knows the robot exactly: it solves for the joint angles of its target, then goes there and stays."""

from __future__ import annotations

import numpy as np
import torch
from isaaclab.controllers import DifferentialIKController, DifferentialIKControllerCfg
from isaaclab.utils.math import subtract_frame_transforms
from numpy.typing import NDArray

from ..control import Observation
from .env import TaskEnv, floats

ITERATIONS = 40
SOLVED_RAD = 1e-3  # a joint step below this ends the search
STEP_RAD = 0.4  # largest joint step of the search; keeps it on the branch of the posture it starts from
SPEED = 0.9  # of each joint's rated speed


class IkExpert:
    """Isaac Lab's differential inverse kinematics (damped least squares) on the true robot.

    The search always starts from the task's posture, so that like targets have like joint angles: from wherever the
    arm happens to be, elbow and wrist would flip now one way and now the other, which nobody could learn from. On the
    way, each joint's target leads its position by what gives `SPEED` against the drive's damping, and by the
    sag that the load would cause, so that the arm neither overshoots nor hangs below its target.
    """

    def __init__(self, env: TaskEnv) -> None:
        self._env = env
        cfg = DifferentialIKControllerCfg(command_type="pose", use_relative_mode=False, ik_method="dls")
        self._ik = DifferentialIKController(cfg, num_envs=env.num_envs, device=env.command.device)
        self._posture = torch.tensor(env.posture_rad, device=env.command.device)
        data = env.articulation.data
        self._goal = data.joint_pos.torch.clone()
        self._lead_rad = SPEED * data.joint_vel_limits.torch * data.joint_damping.torch / data.joint_stiffness.torch

    def reset(self, envs: NDArray[np.intp]) -> None:
        """Solve for the targets of these environments, whose episodes have just begun."""
        robot = self._env.articulation
        ids = torch.as_tensor(envs, dtype=torch.int32, device=self._goal.device)
        start = robot.data.joint_pos.torch[ids].clone()
        goal = self._posture.repeat(len(ids), 1)
        for _ in range(ITERATIONS):
            robot.write_joint_position_to_sim_index(position=goal, env_ids=ids)
            step = torch.clamp(self._towards_target()[ids] - goal, -STEP_RAD, STEP_RAD)
            goal = goal + step
            if step.abs().max() < SOLVED_RAD:
                break
        self._goal[ids] = goal
        robot.write_joint_state_to_sim_index(position=start, velocity=torch.zeros_like(start), env_ids=ids)

    def act(self, observation: Observation) -> NDArray[np.float32]:  # noqa: ARG002  it looks at the truth
        """A step towards the solved joint angles, at no more than `SPEED`; once there, it holds them."""
        data = self._env.articulation.data
        joint_pos = data.joint_pos.torch
        lead = torch.clamp(self._goal - joint_pos, -self._lead_rad, self._lead_rad)
        sag = data.gravity_compensation_forces.torch / data.joint_stiffness.torch
        return floats(joint_pos + lead + sag)

    def _towards_target(self) -> torch.Tensor:
        """Joint angles, one step of the search nearer, for every environment."""
        data, tool = self._env.articulation.data, self._env.tool
        root_w, tool_w = data.root_pose_w.torch, data.body_pose_w.torch[:, tool]
        position, orientation = subtract_frame_transforms(root_w[:, :3], root_w[:, 3:], tool_w[:, :3], tool_w[:, 3:])
        jacobian = data.body_link_jacobian_w.torch[:, tool - 1]  # a fixed base has no row
        self._ik.set_command(self._env.command, position, orientation)
        wanted: torch.Tensor = self._ik.compute(position, orientation, jacobian, data.joint_pos.torch)
        return wanted
