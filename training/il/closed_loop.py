"""Closed-loop checks during a training: the policy as it is now plays its task, and tells how often it succeeds."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch

from physai.infrastructure.contracts import TensorSpec, World
from physai.infrastructure.control import ChunkedPolicy, Observation
from physai.infrastructure.datasets import Dataset
from physai.infrastructure.fit import RATE_TOLERANCE, facts_of
from physai.infrastructure.simulation import Camera, find_task, launch, play

from ..errors import TaskMismatchError
from .demonstrations import ACTION, IMAGES, STATE, tensor_spec
from .policy import TrainablePolicy
from .recipe import Recipe

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from physai.infrastructure.simulation import TaskEnv

SEED = 20260102
"""Of the starts; neither demonstrations nor evaluations draw from it by default."""
ENVS, ENVS_RENDERED = 64, 16
"""Environments that are stepped together, at most; each is rendered where the policy sees."""


def check_known(recipe: Recipe, datasets: Sequence[Dataset]) -> None:
    """Refuse a task that the data is not of, before anything is started.

    Raises:
        UnknownTaskError: If the simulator knows no such task.
        TaskMismatchError: If another robot is in it.
    """
    if recipe.check_task is None:
        return
    task = find_task(recipe.check_task)
    for dataset in datasets:
        robot = dataset.provenance.robot if dataset.provenance else dataset.info.robot_type
        if robot != task.robot:
            raise TaskMismatchError(task.id, "robot", task.robot, dataset.root, robot)


@contextmanager
def simulator(recipe: Recipe, dataset: Dataset, inputs: Sequence[str]) -> "Iterator[TaskEnv | None]":
    """The task of the checks, as published; None if there are none. Isaac Lab starts once in a process.

    Args:
        recipe: With a task that is known.
        dataset: Whose features the task must have.
        inputs: Observations of the policy.

    Raises:
        TaskMismatchError: If the task measures or commands something else, or at another rate.
        SimulationError: If it cannot be started.
    """
    if recipe.check_task is None:
        yield None
        return
    camera = _camera(recipe.check_task, dataset, inputs)
    most = ENVS_RENDERED if camera else ENVS
    world = World(name="nominal")
    with launch(recipe.check_task, num_envs=min(recipe.check_episodes, most), world=world, camera=camera) as env:
        _check_fits(env, dataset, inputs)
        yield env


def successes(env: "TaskEnv", made: TrainablePolicy, inputs: Sequence[TensorSpec], episodes: int) -> list[bool]:
    """Outcome of each episode, by the task's own success term within its own horizon.

    Args:
        env: The simulator.
        made: The policy; its chunks are played as a robot plays them.
        inputs: Observations it takes.
        episodes: From the same starts each time.
    """
    torch.manual_seed(SEED)  # policies that draw noise draw the same
    made.policy.eval()
    seen = made.window.observation
    past = 0 if seen is None else len(seen)
    specs = [spec.model_copy(update={"shape": (past, *spec.shape), "history": past} if past else {}) for spec in inputs]
    names = [spec.name for spec in inputs]

    def infer(observation: Observation) -> "NDArray[np.float32]":
        made.policy.reset()
        batch = {name: torch.from_numpy(observation[name]) for name in names}
        with torch.no_grad():
            chunks = made.post(made.policy.predict_action_chunk(made.pre(batch)))
        return np.asarray(chunks.float().cpu().numpy())

    policy = ChunkedPolicy(infer, made.policy.config.n_action_steps, env.num_envs, specs)
    rollouts = play(
        env,
        policy,
        env.sample_conditions(episodes, SEED),
        horizon_s=env.horizon_s,
        images=env.camera is not None,
    )
    return [rollout.success for rollout in sorted(rollouts, key=lambda rollout: rollout.condition)]


def _camera(task: str, dataset: Dataset, inputs: Sequence[str]) -> Camera | None:
    names = [name for name in inputs if name.startswith(IMAGES)]
    if len(names) > 1:
        raise TaskMismatchError(task, "number of cameras", 1, dataset.root, len(names))
    for name in names:
        height, width, _ = dataset.info.features[name].shape
        return Camera(name=name.removeprefix(IMAGES), width=width, height=height)
    return None


def _check_fits(env: "TaskEnv", dataset: Dataset, inputs: Sequence[str]) -> None:
    facts, place = facts_of(env), dataset.root
    if abs(dataset.fps - facts.rate_hz) > RATE_TOLERANCE * facts.rate_hz:
        raise TaskMismatchError(env.task, "rate", f"{facts.rate_hz:g} Hz", place, f"{dataset.fps} Hz")
    specs = {name: tensor_spec(name, dataset.info.features[name]) for name in (*inputs, ACTION)}
    for name in (STATE, ACTION):
        if specs[name].elements != facts.joints:
            raise TaskMismatchError(env.task, f"order of '{name}'", facts.joints, place, specs[name].elements)
    for name in inputs:
        if specs[name].shape != facts.observations.get(name):
            raise TaskMismatchError(
                env.task, f"feature '{name}'", facts.observations.get(name), place, specs[name].shape
            )
