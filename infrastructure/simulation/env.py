"""A vectorised Isaac Lab task, as recording, training and evaluation share it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from ..contracts import Condition, JointLimits, World
from ..control import Observation
from .camera import Camera, move_markers
from .conditions import StartRegion, draw_condition
from .errors import ConditionError, JointOrderError, SimulationError
from .tasks import Task

if TYPE_CHECKING:
    from isaaclab.assets import Articulation
    from isaaclab.envs import ManagerBasedRLEnv
    from isaaclab.managers import TerminationTermCfg

STATE = "observation.state"
TARGET = "observation.environment_state"


class TaskEnv:
    """Environments of one task in one world. Made by `launch`.

    Arrays are on the CPU, first axis the environment. Joint positions are in rad, in the order of `joint_names`.
    """

    def __init__(
        self,
        env: ManagerBasedRLEnv,
        task: Task,
        world: World,
        start: StartRegion,
        success: TerminationTermCfg,
        camera: Camera | None,
    ) -> None:
        self._env = env
        self._task = task
        self._success = success
        self._start = start
        self._command = env.command_manager.get_term(task.command)
        self._action = env.action_manager.get_term(task.action)
        self.articulation: Articulation = self._command.robot
        """Isaac Lab's robot; what an expert with full knowledge works on."""
        self.world = world
        self.camera = camera
        self.task = task.id
        self.robot = task.robot
        self.num_envs: int = env.num_envs
        self.rate_hz: float = 1.0 / env.step_dt
        self.horizon_s: float = env.cfg.episode_length_s
        """The task's own limit on an episode."""
        self.joint_names: tuple[str, ...] = tuple(self.articulation.joint_names)
        if tuple(start.default_joint_pos_rad) != self.joint_names:
            raise JointOrderError(self.task, tuple(start.default_joint_pos_rad), self.joint_names)
        self.units: tuple[str, ...] = ("rad",) * len(self.joint_names)
        self.posture_rad = task.posture_rad
        offsets = [world.encoder_offset_rad.get(joint, 0.0) for joint in self.joint_names]
        self._offset_rad = np.array(offsets, dtype=np.float32)

    @property
    def joint_limits(self) -> tuple[JointLimits, ...]:
        """Range of every joint, as the asset states it."""
        limits = self.articulation.data.joint_pos_limits.torch[0].cpu().tolist()
        return tuple(
            JointLimits(joint=name, lower_rad=lower, upper_rad=upper)
            for name, (lower, upper) in zip(self.joint_names, limits, strict=True)
        )

    @property
    def image_key(self) -> str:
        """Name of the camera's images among a policy's observations."""
        assert self.camera is not None, "this environment was launched without a camera"
        return f"observation.images.{self.camera.name}"

    def sample_conditions(self, n: int, seed: int) -> tuple[Condition, ...]:
        """Draw starts and targets of this world; condition i depends on the seed and i alone."""
        return tuple(draw_condition(self._start, seed, index) for index in range(n))

    def begin(self, envs: NDArray[np.intp], conditions: Sequence[Condition]) -> None:
        """Start new episodes in these environments; the others go on undisturbed.

        Raises:
            ConditionError: If a condition is not one of this task.
        """
        self._check(conditions)
        ids = torch.as_tensor(envs, dtype=torch.int32, device=self._env.device)
        joint_pos = self._tensor([condition.joint_pos_rad for condition in conditions])
        self._env.reset(env_ids=ids)
        robot = self.articulation
        robot.write_joint_state_to_sim_index(position=joint_pos, velocity=torch.zeros_like(joint_pos), env_ids=ids)
        robot.set_joint_position_target_index(target=joint_pos, env_ids=ids)
        self._command.pose_command_b[ids.long()] = self._tensor([condition.command for condition in conditions])
        if self.camera:
            move_markers(robot.data.root_pose_w.torch, self.command)
        self.forward()

    def forward(self) -> None:
        """Bring the links to where the joints were written, without a step of physics."""
        self._env.scene.write_data_to_sim()
        self._env.sim.forward()

    def observe(self) -> Observation:
        """What the robot measures, and what is asked of it."""
        joint_pos = floats(self.articulation.data.joint_pos.torch)
        return {STATE: joint_pos + self._offset_rad, TARGET: floats(self.command)}

    def joint_vel(self) -> NDArray[np.float32]:
        """Measured joint velocities in rad/s, (N, J)."""
        return floats(self.articulation.data.joint_vel.torch)

    def images(self) -> NDArray[np.uint8]:
        """Render now; (N, H, W, 3).

        Raises:
            SimulationError: If the environment was launched without a camera.
        """
        if self.camera is None:
            raise SimulationError(f"{self.task}: launched without a camera. Give launch() a Camera.")
        pixels = self._env.scene["camera"].data.output["rgb"].torch[..., :3]
        return np.array(pixels.cpu().numpy(), dtype=np.uint8)

    def step(self, action: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Send joint targets, advance one control period, and ask the task's own success term.

        Args:
            action: Absolute joint targets in rad, (N, A).

        Raises:
            SimulationError: If a target is not a finite number.
        """
        if not np.isfinite(action).all():
            row = int(np.argwhere(~np.isfinite(action))[0, 0])
            raise SimulationError(f"{self.task}: the action of environment {row} is not finite. Check the policy.")
        targets = self._tensor(action)
        self._env.step((targets - self._action._offset) / self._action._scale)
        return np.array(self._success.func(self._env, **self._success.params).cpu().numpy(), dtype=np.bool_)

    def error_m(self) -> NDArray[np.float32]:
        """Distance of the tool from its target now, (N,)."""
        self._command.compute_success()  # brings pose_command_w up to date
        tool_w = self.articulation.data.body_pos_w.torch[:, self._command.body_idx]
        return floats(torch.linalg.norm(self._command.pose_command_w[:, :3] - tool_w, dim=-1))

    @property
    def tool(self) -> int:
        """Index of the body that is to reach the target."""
        return int(self._command.body_idx)

    @property
    def command(self) -> torch.Tensor:
        """Target poses in the base frame, (N, 7), on the simulation's device."""
        command: torch.Tensor = self._command.command
        return command

    def _check(self, conditions: Sequence[Condition]) -> None:
        for index, condition in enumerate(conditions):
            for what, got, expected in (
                ("joint_pos_rad", len(condition.joint_pos_rad), len(self.joint_names)),
                ("command", len(condition.command), 7),
            ):
                if got != expected:
                    raise ConditionError(index, what, got, expected)

    def _tensor(self, rows: Sequence[Sequence[float]] | NDArray[np.float32]) -> torch.Tensor:
        return torch.as_tensor(np.asarray(rows, dtype=np.float32), device=self._env.device)


def floats(tensor: torch.Tensor) -> NDArray[np.float32]:
    """A copy on the CPU."""
    return np.array(tensor.cpu().numpy(), dtype=np.float32)
