"""Run by `test_training_closed_loop.py` in a process of its own: one launch of Isaac Lab, told as JSON.

Records demonstrations into DATA, then trains into RUNS: with checks, without, and with checks but interrupted.
"""

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from physai.infrastructure.contracts import World
from physai.infrastructure.datasets import DatasetWriter, vector
from physai.infrastructure.simulation import TaskEnv, expert, launch, play
from physai.training.errors import StoppedError, TaskMismatchError
from physai.training.il import closed_loop
from physai.training.il.recipe import Recipe
from physai.training.il.train import train

from .conftest import POSE, write_dataset

TASK = "Isaac-Reach-UR10"
DEMONSTRATIONS, TAIL = 60, 15
RECIPE = Recipe(steps=400, checkpoint_every=150, check_task=TASK, check_every=200, check_episodes=20)


def main() -> None:
    """Measure, and print one JSON object."""
    data, runs = Path(sys.argv[1]), Path(sys.argv[2])
    with launch(TASK, num_envs=RECIPE.check_episodes, world=World(name="nominal")) as env:

        @contextmanager
        def launched(task: str, **options: Any) -> Iterator[TaskEnv]:
            assert (task, options["num_envs"]) == (TASK, env.num_envs)
            yield env

        closed_loop.launch = launched  # type: ignore[assignment]  # Isaac Lab starts once in a process
        record(env, data)
        facts = {"misfit": misfit(data.with_name("turned"), runs / "misfit", env)}
        train(data, RECIPE, runs / "whole")
        train(data, RECIPE.model_copy(update={"check_task": None}), runs / "unchecked")
        try:
            train(data, RECIPE, runs / "stopped", stop)
        except StoppedError as error:
            facts["stopped"] = str(error)
        train(data, RECIPE, runs / "stopped")
    json.dump(facts, sys.stdout)


def record(env: TaskEnv, root: Path) -> None:
    """The expert's episodes, a sixth of them held out."""
    features = {
        closed_loop.STATE: vector(env.joint_names),
        "observation.environment_state": vector(POSE),
        closed_loop.ACTION: vector(env.joint_names),
    }
    conditions = env.sample_conditions(DEMONSTRATIONS, 0)
    with DatasetWriter(root, fps=round(env.rate_hz), features=features, robot=env.robot, task=TASK) as writer:
        for rollout in play(env, expert(env), conditions, horizon_s=env.horizon_s, tail_steps=TAIL):
            writer.add_episode({**rollout.observations, closed_loop.ACTION: rollout.actions}, {})
        writer.splits = {"train": DEMONSTRATIONS - 10, "heldout": 10}


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
