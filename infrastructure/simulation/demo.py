"""The expert at play, to look at."""

from collections.abc import Callable
from pathlib import Path
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from ..contracts import Contract, World
from ..video import write_video
from .camera import Camera
from .launcher import launch
from .rollout import Rollout, play

PICTURE = Camera(name="video", width=320, height=240, shadows=True)
TAIL_S = 0.5  # how long the arm is seen to stay


class Played(Contract):
    """How the expert did."""

    task: str
    world: str
    seed: int
    episodes: int
    successes: int
    mean_steps: float
    """Control steps until success, or until the horizon."""
    max_steps: int
    max_final_error_m: float
    play_s: float
    """Wall time without the start of the simulator."""
    video: str | None


def play_expert(
    task: str,
    world: World,
    *,
    episodes: int,
    num_envs: int,
    seed: int,
    horizon_s: float,
    video: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Played:
    """Launch the task and play the expert under conditions drawn from the seed."""
    from . import expert

    with launch(task, num_envs=num_envs, world=world, camera=PICTURE if video else None) as env:
        began = monotonic()
        rollouts = sorted(
            play(
                env,
                expert(env),
                env.sample_conditions(episodes, seed),
                horizon_s=horizon_s,
                tail_steps=round(TAIL_S * env.rate_hz),
                images=video is not None,
                progress=progress,
            ),
            key=lambda rollout: rollout.condition,
        )
        play_s, rate_hz = monotonic() - began, env.rate_hz
    if video:
        write_video(video, np.concatenate([_frames(rollout) for rollout in rollouts]), round(rate_hz))
    steps = [rollout.steps for rollout in rollouts]
    return Played(
        task=task,
        world=world.name,
        seed=seed,
        episodes=episodes,
        successes=sum(rollout.success for rollout in rollouts),
        mean_steps=float(np.mean(steps)),
        max_steps=max(steps),
        max_final_error_m=max(rollout.final_error_m for rollout in rollouts),
        play_s=play_s,
        video=str(video) if video else None,
    )


def _frames(rollout: Rollout) -> NDArray[np.uint8]:
    assert rollout.images is not None, "played with images"
    return rollout.images
