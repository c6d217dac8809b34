"""Starts Isaac Lab on a task in a world, quietly, with everything a rollout does not need switched off."""

from __future__ import annotations

import argparse
import io
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

from ..console import stderr
from ..contracts import TargetRegion, World
from ..settings import settings
from .camera import Camera, camera_cfg
from .conditions import StartRegion
from .tasks import Task, find_task

if TYPE_CHECKING:
    from .env import TaskEnv

NEVER_S = 1e9


def prepare() -> None:
    """Make the assets ready and say where they are. Isaac Lab reads it once, when it is first imported."""
    root = settings().asset_root
    assert root is not None, "settings() fills in every default"
    if urlparse(root).scheme in ("", "file"):
        from .assets import ensure_assets

        folder = Path(urlparse(root).path)
        ensure_assets(folder)
        root = str(folder)
    os.environ["ISAACSIM_ASSET_ROOT"] = root


@contextmanager
def launch(
    task: str, *, num_envs: int, world: World, camera: Camera | None = None, device: str | None = None
) -> Iterator[TaskEnv]:
    """Start a task. Once per process: Isaac Lab's simulation context is a process-wide singleton.

    Args:
        task: Isaac Lab's id.
        num_envs: Environments that are stepped together.
        world: How the world differs from the task as published.
        camera: None renders nothing.
        device: `cpu`, `cuda`; default from the settings.

    Raises:
        UnknownTaskError: If we do not know the task.
        WorldMismatchError: If the world names a joint that the robot lacks.
    """
    known = find_task(task)
    prepare()
    began = time.monotonic()
    stderr.print(f"starting Isaac Lab: {task}, {num_envs} environments, world '{world.name}'")
    running = ExitStack()
    try:
        with _aside():
            env = _start(running, known, num_envs, world, camera, device or settings().device)
        stderr.print(f"Isaac Lab is ready after {time.monotonic() - began:.0f} s")
        yield env
    finally:
        with _aside():
            running.close()


@contextmanager
def _aside() -> Iterator[None]:
    """Keep what Isaac Lab prints off stdout, which is for results; show it only if something fails."""
    said = io.StringIO()
    try:
        with redirect_stdout(said):
            yield
    except Exception:
        sys.stderr.write(said.getvalue())
        raise


def _start(running: ExitStack, task: Task, num_envs: int, world: World, camera: Camera | None, device: str) -> TaskEnv:
    import gymnasium
    import isaaclab_tasks  # noqa: F401  registers the tasks
    from isaaclab.app.sim_launcher import launch_simulation
    from isaaclab_tasks.utils import parse_env_cfg, resolve_presets

    from .env import TaskEnv
    from .replay import can_replay, replayed_physics

    cfg = resolve_presets(parse_env_cfg(task.id, device=device, num_envs=num_envs))
    success = getattr(cfg.terminations, task.success)
    start = _start_region(cfg, task, world)
    _strip(cfg, task)
    _alter(cfg, world)
    if camera:
        cfg.scene.camera = camera_cfg(camera)
    args = argparse.Namespace(device=device, headless=True, enable_cameras=False, visualizer=None, video=False)
    running.enter_context(launch_simulation(cfg, args))
    env = gymnasium.make(task.id, cfg=cfg).unwrapped
    running.callback(env.close)
    env.reset()
    if device == "cpu" and can_replay(cfg.sim.physics):
        running.enter_context(replayed_physics())
    return TaskEnv(env, task, world, start, success, camera)


def _start_region(cfg: Any, task: Task, world: World) -> StartRegion:
    """The ranges the task draws from, with the world's target region in place of its own."""
    ranges = getattr(cfg.commands, task.command).ranges
    targets = TargetRegion(x_m=ranges.pos_x, y_m=ranges.pos_y, z_m=ranges.pos_z)
    return StartRegion(
        default_joint_pos_rad=tuple(cfg.scene.robot.init_state.joint_pos.values()),
        joint_scale=cfg.events.reset_robot_joints.params["position_range"],
        targets=world.targets or targets,
        roll_rad=ranges.roll,
        pitch_rad=ranges.pitch,
        yaw_rad=ranges.yaw,
    )


def _strip(cfg: Any, task: Task) -> None:
    """Leave physics, actions and the command; conditions and success are asked for from outside."""
    for group in (cfg.rewards, cfg.terminations, cfg.curriculum, cfg.events):
        for term in list(vars(group)):
            setattr(group, term, None)
    command = getattr(cfg.commands, task.command)
    command.debug_vis = False
    command.resampling_time_range = (NEVER_S, NEVER_S)
    cfg.observations.policy.enable_corruption = False
    cfg.seed = 0


def _alter(cfg: Any, world: World) -> None:
    """Put the world's changes into the task."""
    for actuator in cfg.scene.robot.actuators.values():
        actuator.stiffness *= world.stiffness_scale
