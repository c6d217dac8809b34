"""Closed-loop checks in any environment of Gymnasium that keeps to LeRobot's names.

Source of the names: lerobot/envs/utils.py, `preprocess_observation` (`agent_pos`, `environment_state`, `pixels`), and
its evaluation, which reads success from `info["is_success"]`.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np

from physai.infrastructure.contracts import TensorSpec
from physai.infrastructure.control import Observation
from physai.infrastructure.datasets import Dataset
from physai.infrastructure.errors import one_line
from physai.infrastructure.fit import RATE_TOLERANCE

from ..errors import GymnasiumTaskError, TaskMismatchError
from .demonstrations import ACTION, tensor_spec
from .player import SEED, player
from .policy import TrainablePolicy

ENVS = 16
"""Environments that are stepped one after another, their policy asked for all at once."""


@dataclass(frozen=True)
class GymnasiumTask:
    """Environments of one id."""

    task: str
    envs: tuple["gymnasium.Env[Any, Any]", ...]

    def successes(self, made: TrainablePolicy, inputs: Sequence[TensorSpec], episodes: int) -> list[bool]:
        """Outcome of each episode, by the environment's own word within its own time limit.

        Args:
            made: The policy.
            inputs: Observations it takes.
            episodes: From the same seeds each time.

        Raises:
            GymnasiumTaskError: If the environment does not say what success is.
        """
        outcomes: list[bool] = []
        while len(outcomes) < episodes:
            seeds = range(SEED + len(outcomes), SEED + min(len(outcomes) + len(self.envs), episodes))
            outcomes += self._play(made, inputs, seeds)
        return outcomes

    def _play(self, made: TrainablePolicy, inputs: Sequence[TensorSpec], seeds: range) -> list[bool]:
        policy, succeeded = player(made, inputs, len(seeds)), [False] * len(seeds)
        seen = [observe(env.reset(seed=seed)[0]) for env, seed in zip(self.envs, seeds, strict=False)]
        running = set(range(len(seeds)))
        while running:
            actions = policy.act({name: np.concatenate([each[name] for each in seen]) for name in seen[0]})
            for row in sorted(running):
                raw, _, terminated, truncated, info = self.envs[row].step(actions[row])
                seen[row] = observe(raw)
                if "is_success" not in info:
                    raise GymnasiumTaskError(self.task, "does not tell `is_success` in its info")
                succeeded[row] |= bool(info["is_success"])
                if succeeded[row] or terminated or truncated:
                    running.remove(row)
        return succeeded


@contextmanager
def gymnasium_task(
    task: str, episodes: int, options: Mapping[str, Any], dataset: Dataset, inputs: Sequence[str]
) -> Iterator[GymnasiumTask]:
    """Environments for so many episodes, all of them or some at a time.

    Args:
        task: Gymnasium's id.
        episodes: At most so many environments are made.
        options: Given to each of them.
        dataset: Whose features, actions and rate they must have. Names of elements they do not tell.
        inputs: Observations of the policy.

    Raises:
        GymnasiumTaskError: If there is no such environment, or it is not one that can be played so.
        TaskMismatchError: If it measures or commands something else, or at another rate.
    """
    made: list[gymnasium.Env[Any, Any]] = []
    try:
        for _ in range(min(episodes, ENVS)):
            try:
                made.append(gymnasium.make(task, **options))
            except Exception as error:  # the environment's own code may fail as it likes
                raise GymnasiumTaskError(task, f"cannot be made ({one_line(error, 200)})") from error
        _check_fits(made[0], task, dataset, inputs)
        yield GymnasiumTask(task, tuple(made))
    finally:
        for env in made:
            env.close()


def observe(raw: Any) -> Observation:
    """An observation of one environment as a batch of one, by LeRobot's names."""
    from lerobot.envs.utils import preprocess_observation

    batched = {name: value if name == "pixels" else np.asarray(value)[None] for name, value in raw.items()}
    return {name: value.numpy().astype(np.float32) for name, value in preprocess_observation(batched).items()}


def _check_fits(env: "gymnasium.Env[Any, Any]", task: str, dataset: Dataset, inputs: Sequence[str]) -> None:
    if env.spec is None or env.spec.max_episode_steps is None:
        raise GymnasiumTaskError(task, "is registered without `max_episode_steps`, so that episodes need not end")
    raw, _ = env.reset(seed=SEED)
    if not isinstance(raw, dict):
        raise GymnasiumTaskError(task, "does not give its observation as `agent_pos`, `environment_state` or `pixels`")
    rate = env.metadata.get("render_fps")
    if rate and abs(dataset.fps - rate) > RATE_TOLERANCE * rate:
        raise TaskMismatchError(task, "rate", f"{rate:g} Hz", dataset.root, f"{dataset.fps} Hz")
    found = {name: value.shape[1:] for name, value in observe(raw).items()} | {ACTION: env.action_space.shape}
    for name in (*inputs, ACTION):
        wanted = tensor_spec(name, dataset.info.features[name]).shape
        if found.get(name) != wanted:
            raise TaskMismatchError(task, f"feature '{name}'", found.get(name), dataset.root, wanted)
