"""Plays a checkpoint by Isaac Lab's own playback: how often it succeeds, and a film."""

import shutil
import tempfile
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from physai.infrastructure.contracts import Digest, Document
from physai.infrastructure.settings import settings
from physai.infrastructure.simulation import Camera
from physai.infrastructure.simulation.camera import camera_cfg
from physai.infrastructure.tracking import resume_run
from physai.infrastructure.video import write_video

from ..errors import CheckpointError
from ..run import RUN_FILE
from . import checkpoints
from .outcomes import Outcomes, watched
from .recipe import Library
from .run import RlRun
from .worker import LOG_FILE, in_isaaclab, on_device

FILMED = 4
"""Environments at once when there is a film: each is rendered."""
CAMERA, WIDTH, HEIGHT = "film", 384, 288


class Played(Document):
    """What a checkpoint did, one episode in each environment, each from its start."""

    kind: Literal["rl-played"] = "rl-played"
    version: Literal[1] = 1
    task: str
    iteration: int
    checkpoint: Digest
    episodes: int = Field(ge=1)
    success: str | None
    """What counts as success; None if the task does not say."""
    success_rate: float | None
    video: str | None


class Playback:
    """Counts the first episode of every environment, and films the first environment."""

    def __init__(self, filming: bool) -> None:
        """Begin."""
        self.outcomes = Outcomes(window=1)
        self.frames: list[NDArray[np.uint8]] = []
        self.rate_hz = 0.0
        self._filming = filming
        self.over: torch.Tensor | None = None
        self.succeeded = torch.zeros(0)

    def note(self, env: Any, step: int) -> None:
        """Take a step in; ends the playback as Ctrl-C would, which is how Isaac Lab's is ended.

        Raises:
            KeyboardInterrupt: When every environment has ended its first episode.
        """
        done = env.reset_terminated | env.reset_time_outs
        if self.over is None:
            self.over, self.succeeded = torch.zeros_like(done), torch.zeros(len(done), device=done.device)
            self.rate_hz = 1.0 / env.step_dt
        success = self.outcomes.note(env, step)
        first = done & ~self.over
        if success is not None:
            self.succeeded[first] = success[first]
        if self._filming and not self.over[0]:
            pixels = env.scene[CAMERA].data.output["rgb"].torch[0, ..., :3]
            self.frames.append(pixels.cpu().numpy().astype(np.uint8))
        self.over |= done
        if self.over.all():
            raise KeyboardInterrupt


def play(run: Path, *, checkpoint: str = "last", episodes: int = 64, video: Path | None = None) -> Played:
    """Play one episode in each of some environments, as the task is trained on. Once per process.

    Args:
        run: Folder of a training.
        checkpoint: `last`, or an iteration.
        episodes: As many environments; with a film at most 4.
        video: MP4 to write, of the first environment.

    Raises:
        CheckpointError: If there is no such checkpoint, or Isaac Lab cannot play it.
    """
    training = RlRun.read(run / RUN_FILE)
    recipe = training.recipe
    model, mark = checkpoints.find(run, checkpoint)
    count = min(episodes, FILMED) if video else episodes
    playback = Playback(filming=video is not None)
    watched(recipe.task, playback.note, _with_camera if video else None)
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copy(model, Path(folder) / f"model_{mark.iteration}.pt")  # playback writes beside its checkpoint
        with in_isaaclab(run.resolve() / LOG_FILE, Path(folder)):
            _playback(training, str(copy), count)
    if playback.over is None or not playback.over.all():
        raise CheckpointError(model, f"could not be played; {run / LOG_FILE} has Isaac Lab's words")
    if video:
        write_video(video, np.stack(playback.frames), round(playback.rate_hz))
        _keep(training, video)
    stated = playback.outcomes.stated_by
    return Played(
        task=recipe.task,
        iteration=mark.iteration,
        checkpoint=mark.model,
        episodes=count,
        success=stated,
        success_rate=float(playback.succeeded.mean()) if stated else None,
        video=str(video) if video else None,
    )


def _playback(training: RlRun, model: str, count: int) -> None:
    from isaaclab_rl.entrypoints.api import PlaybackRequest, play

    recipe = training.recipe
    agent = () if recipe.library is Library.SKRL else on_device(recipe.library)
    play(
        PlaybackRequest(
            backend=recipe.library.value,
            task=recipe.task,
            checkpoint=model,
            agent=recipe.agent,
            num_envs=count,
            seed=recipe.seed + 1,
            device=settings().device,
            backend_args=("--train_env_cfg",),
            hydra_args=(*agent, *recipe.overrides),
        )
    )


def _with_camera(cfg: Any) -> None:
    """A camera where the task's authors would have people look from, turned to the robot."""
    eye = tuple(getattr(getattr(cfg.sim, "default_visualizer_cfg", None), "eye", (4.0, 4.0, 3.0)))
    robot = getattr(cfg.scene, "robot", None)
    x, y, z = robot.init_state.pos if robot else (0.0, 0.0, 0.0)
    camera = camera_cfg(Camera(CAMERA, WIDTH, HEIGHT, eye_m=eye, look_at_m=(x, y, z)))
    setattr(cfg.scene, CAMERA, camera)


def _keep(training: RlRun, video: Path) -> None:
    """Put the film where the curves are."""
    tracked = resume_run(training.run_id)
    tracked.log_file(video)
    tracked.finish()
