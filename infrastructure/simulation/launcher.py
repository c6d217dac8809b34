"""Starts Isaac Lab on a task in a world, quietly, with everything a rollout does not need switched off."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlparse

from ..console import stderr
from ..contracts import World
from ..settings import settings
from .camera import Camera, dress
from .configuration import alter, load_cfg, start_region, strip
from .errors import AssetError, DeviceError
from .quiet import aside, silence_harmless
from .tasks import Task, find_task

if TYPE_CHECKING:
    from .env import TaskEnv


def prepare() -> None:
    """Make the assets ready and say where they are. Isaac Lab reads it once, when it is first imported."""
    root = settings().asset_root
    assert root is not None, "settings() fills in every default"
    if urlparse(root).scheme in ("", "file"):
        from .assets import ensure_assets

        folder = Path(urlparse(root).path).absolute()
        ensure_assets(folder)
        root = str(folder)
    os.environ["ISAACSIM_ASSET_ROOT"] = root


@contextmanager
def launch(
    task: str,
    *,
    num_envs: int,
    world: World,
    camera: Camera | None = None,
    props: int = 0,
    device: str | None = None,
) -> Iterator[TaskEnv]:
    """Start a task. Once per process: Isaac Lab's simulation context is a process-wide singleton.

    Args:
        task: Isaac Lab's id.
        num_envs: Environments that are stepped together; a step costs little more for 64 than for one.
        world: How the world differs from the task as published.
        camera: None renders nothing.
        props: Spheres, boxes and cylinders, so many of each, that wait out of sight for `stage.Stage`; needs a camera.
        device: `cpu`, `cuda`; default from the settings.

    Raises:
        UnknownTaskError: If we do not know the task.
        WorldMismatchError: If the world names a joint that the robot lacks.
        AssetError: If the asset root lacks what the task needs.
        DeviceError: If there is no such device.
    """
    known = find_task(task)
    prepare()
    began = time.monotonic()
    stderr.print(
        f"starting Isaac Lab: {task}, world '{world.name}', {num_envs} environments "
        "(some 10 s; the first start on a machine compiles kernels for about a minute)",
        highlight=False,
        soft_wrap=True,
    )
    running = ExitStack()
    try:
        with aside():
            env = _start(running, known, num_envs, world, camera, props, device or settings().device)
        stderr.print(f"Isaac Lab is ready after {time.monotonic() - began:.0f} s", highlight=False)
        yield env
    finally:
        with aside():
            running.close()


def _start(
    running: ExitStack, task: Task, num_envs: int, world: World, camera: Camera | None, props: int, device: str
) -> TaskEnv:
    """Everything that is started is put on `running`, to be closed in reverse."""
    import torch

    if device != "cpu" and not torch.cuda.is_available():
        raise DeviceError(device)
    silence_harmless(device)
    import gymnasium
    from isaaclab.app.sim_launcher import launch_simulation

    from .env import TaskEnv
    from .replay import can_replay, replayed_physics

    cfg = load_cfg(task, device, num_envs)
    success = getattr(cfg.terminations, task.success)
    start = start_region(cfg, task, world)
    strip(cfg, task)
    alter(cfg, world)
    if camera:
        dress(cfg.scene, camera, props)
    args = argparse.Namespace(device=device, headless=True, enable_cameras=False, visualizer=None, video=False)
    running.enter_context(launch_simulation(cfg, args))
    try:
        env = gymnasium.make(task.id, cfg=cfg).unwrapped
    except FileNotFoundError as error:
        raise AssetError(os.environ["ISAACSIM_ASSET_ROOT"], error) from error
    running.callback(env.close)
    env.reset()
    if device == "cpu" and can_replay(cfg.sim.physics):
        running.enter_context(replayed_physics())
    return TaskEnv(env, task, world, start, success, camera)
