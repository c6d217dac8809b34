"""Isaac Lab's configuration of a task, reduced to what a rollout needs and altered to a world."""

from typing import Any

from ..contracts import TargetRegion, World
from .conditions import StartRegion
from .errors import WorldMismatchError
from .tasks import Task

NEVER_S = 1e9


def load_cfg(task: Task, device: str, num_envs: int) -> Any:
    """The official configuration, with Newton's physics. Needs `prepare()` first."""
    import isaaclab_tasks  # noqa: F401  registers the tasks
    from isaaclab_tasks.utils import parse_env_cfg, resolve_presets

    return resolve_presets(parse_env_cfg(task.id, device=device, num_envs=num_envs))


def start_region(cfg: Any, task: Task, world: World) -> StartRegion:
    """The ranges the task draws from, with the world's target region in place of its own.

    Raises:
        WorldMismatchError: If the world names a joint that the robot lacks.
    """
    joints = dict(cfg.scene.robot.init_state.joint_pos)
    for joint in world.encoder_offset_rad:
        if joint not in joints:
            raise WorldMismatchError(world.name, joint, tuple(joints))
    ranges = getattr(cfg.commands, task.command).ranges
    targets = TargetRegion(x_m=ranges.pos_x, y_m=ranges.pos_y, z_m=ranges.pos_z)
    return StartRegion(
        default_joint_pos_rad=joints,
        joint_scale=cfg.events.reset_robot_joints.params["position_range"],
        targets=world.targets or targets,
        roll_rad=ranges.roll,
        pitch_rad=ranges.pitch,
        yaw_rad=ranges.yaw,
    )


def strip(cfg: Any, task: Task) -> None:
    """Leave physics, actions and the command: conditions come from outside, and episodes go on beyond success."""
    for group in (cfg.rewards, cfg.terminations, cfg.curriculum, cfg.events):
        for term in list(vars(group)):
            setattr(group, term, None)
    command = getattr(cfg.commands, task.command)
    command.debug_vis = False
    command.resampling_time_range = (NEVER_S, NEVER_S)
    cfg.observations.policy.enable_corruption = False
    cfg.seed = 0


def alter(cfg: Any, world: World) -> None:
    """Put the world's changes into the task; its encoder offset is the environment's to add."""
    for actuator in cfg.scene.robot.actuators.values():
        actuator.stiffness *= world.stiffness_scale
