"""Closed-loop checks during a training: the policy as it is now plays its task, and tells how often it succeeds."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from physai.infrastructure.contracts import TensorSpec, World
from physai.infrastructure.datasets import Dataset
from physai.infrastructure.fit import RATE_TOLERANCE, facts_of
from physai.infrastructure.simulation import Camera, find_task, launch, play

from ..errors import TaskMismatchError
from .demonstrations import ACTION, IMAGES, STATE, tensor_spec
from .gymnasium_loop import gymnasium_task
from .player import SEED, player
from .policy import TrainablePolicy
from .recipe import Recipe, is_gymnasium

if TYPE_CHECKING:
    from physai.infrastructure.simulation import TaskEnv

type Check = Callable[[TrainablePolicy, Sequence[TensorSpec], int], list[bool]]
"""Lets a policy with these inputs play so many episodes; tells which succeed."""

ENVS, ENVS_RENDERED = 64, 16
"""Environments that are stepped together, at most; each is rendered where the policy sees."""


def check_known(recipe: Recipe, datasets: Sequence[Dataset]) -> None:
    """Refuse a task that the data is not of, before anything is started.

    Raises:
        UnknownTaskError: If the simulator knows no such task.
        TaskMismatchError: If another robot is in it.
    """
    if recipe.check_task is None or is_gymnasium(recipe.check_task):
        return
    task = find_task(recipe.check_task)
    for dataset in datasets:
        robot = dataset.provenance.robot if dataset.provenance else dataset.info.robot_type
        if robot != task.robot:
            raise TaskMismatchError(task.id, "robot", task.robot, dataset.root, robot)


@contextmanager
def checks(recipe: Recipe, dataset: Dataset, inputs: Sequence[str]) -> Iterator[Check | None]:
    """The task of the checks, as published; None if there are none. Isaac Lab starts once in a process.

    Args:
        recipe: With a task that is known.
        dataset: Whose features the task must have.
        inputs: Observations of the policy.

    Raises:
        TaskMismatchError: If the task measures or commands something else, or at another rate.
        GymnasiumTaskError: If it is none that can be played.
        SimulationError: If it cannot be started.
    """
    task, episodes = recipe.check_task, recipe.check_episodes
    if task is None:
        yield None
    elif is_gymnasium(task):
        with gymnasium_task(task, episodes, recipe.check_options, dataset, inputs) as envs:
            yield envs.successes
    else:
        camera = _camera(task, dataset, inputs)
        most = ENVS_RENDERED if camera else ENVS
        with launch(task, num_envs=min(episodes, most), world=World(name="nominal"), camera=camera) as env:
            _check_fits(env, dataset, inputs)
            yield partial(successes, env)


def successes(env: "TaskEnv", made: TrainablePolicy, inputs: Sequence[TensorSpec], episodes: int) -> list[bool]:
    """Outcome of each episode, by the task's own success term within its own horizon.

    Args:
        env: The simulator.
        made: The policy; its chunks are played as a robot plays them.
        inputs: Observations it takes.
        episodes: From the same starts each time.
    """
    rollouts = play(
        env,
        player(made, inputs, env.num_envs),
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
