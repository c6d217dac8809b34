"""Run by `test_training_closed_loop.py` in a process of its own: one launch of Isaac Lab, told as JSON.

Records demonstrations into DATA, then trains into RUNS: with checks, without, and with checks but interrupted; and a
policy that sees, with checks and without.
"""

import json
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from physai.infrastructure.contracts import Condition, World
from physai.infrastructure.datasets import DatasetWriter, camera, vector
from physai.infrastructure.simulation import Camera, TaskEnv, expert, launch, play
from physai.training.errors import StoppedError, TaskMismatchError
from physai.training.il import closed_loop
from physai.training.il.player import SEED
from physai.training.il.recipe import Recipe
from physai.training.il.train import train

from .conftest import FRONT, POSE, SIDE, write_dataset
from .pictures import first_batches, largest_mean_difference, nearest

TASK = "Isaac-Reach-UR10"
DEMONSTRATIONS, HELDOUT, TAIL = 60, 10, 15
RECIPE = Recipe(steps=400, checkpoint_every=150, check_task=TASK, check_every=200, check_episodes=16)
CAMERA = Camera(width=SIDE, height=SIDE)
SEEING = Recipe.of(
    "act", "image", steps=2, batch_size=2, dim=16, heads=2, feedforward=32, check_task=TASK, check_episodes=16
)


def main() -> None:
    """Measure, and print one JSON object."""
    data, runs = Path(sys.argv[1]), Path(sys.argv[2])
    world = World(name="nominal")
    with launch(TASK, num_envs=RECIPE.check_episodes, world=world, camera=CAMERA) as env:

        @contextmanager
        def launched(task: str, *, num_envs: int, world: World, camera: Camera | None) -> Iterator[TaskEnv]:
            assert (task, num_envs, world) == (TASK, env.num_envs, env.world)
            assert camera in (None, CAMERA)
            env.camera = camera
            yield env

        closed_loop.launch = launched  # type: ignore[assignment]  # Isaac Lab starts once in a process
        facts = seeing(env, data.with_name("seen"), runs)
        env.camera = None
        record(env, data, env.sample_conditions(DEMONSTRATIONS, 0))
        facts["misfit"] = misfit(data.with_name("turned"), runs / "misfit", env)
        train(data, RECIPE, runs / "whole")
        train(data, RECIPE.model_copy(update={"check_task": None}), runs / "unchecked")
        try:
            train(data, RECIPE, runs / "stopped", stop)
        except StoppedError as error:
            facts["stopped"] = str(error)
        train(data, RECIPE, runs / "stopped")
    json.dump(facts, sys.stdout)


def seeing(env: TaskEnv, data: Path, runs: Path) -> dict[str, Any]:
    """A policy with a camera, trained with a check and without, on episodes from the starts of the checks."""
    record(env, data, env.sample_conditions(SEEING.check_episodes + HELDOUT, SEED))
    train(data, SEEING, runs / "seeing")
    train(data, SEEING.model_copy(update={"check_task": None}), runs / "seeing-unchecked")
    asked, learned = first_batches(env, data, runs / "seeing")
    return {
        "asked_names": sorted(asked),
        "asked_shape": asked[FRONT].shape,
        "nearest_picture": nearest(asked, learned, FRONT),
        "nearest_state": nearest(asked, learned, closed_loop.STATE),
        "mean_difference": largest_mean_difference(asked, learned),
    }


def record(env: TaskEnv, root: Path, conditions: Sequence[Condition]) -> None:
    """The expert's episodes, in the order of their starts, the last of them held out."""
    features = {
        closed_loop.STATE: vector(env.joint_names),
        "observation.environment_state": vector(POSE),
        closed_loop.ACTION: vector(env.joint_names),
        **({env.image_key: camera(SIDE, SIDE)} if env.camera else {}),
    }
    played = play(env, expert(env), conditions, horizon_s=env.horizon_s, tail_steps=TAIL, images=env.camera is not None)
    with DatasetWriter(root, fps=round(env.rate_hz), features=features, robot=env.robot, task=TASK) as writer:
        for rollout in sorted(played, key=lambda rollout: rollout.condition):
            clips = {} if rollout.images is None else {env.image_key: rollout.images}
            writer.add_episode({**rollout.observations, closed_loop.ACTION: rollout.actions}, clips)
        writer.splits = {"train": len(conditions) - HELDOUT, "heldout": HELDOUT}


def stop(step: int, _loss: float) -> None:
    """Ask the training to end between its two checks."""
    if step == 250:
        os.kill(os.getpid(), signal.SIGTERM)


def misfit(root: Path, output: Path, env: TaskEnv) -> str:
    """Data of a robot that counts its joints the other way round."""
    turned = write_dataset(root, joints=tuple(np.flip(env.joint_names)))
    try:
        train(turned, RECIPE, output)
    except TaskMismatchError as error:
        return str(error)
    return "trained"


if __name__ == "__main__":
    main()
