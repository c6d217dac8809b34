"""Plays conditions in Gymnasium environments, as many at once as there are rows."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.contracts import Condition, ConditionSet, Digest
from physai.infrastructure.control import Observation
from physai.infrastructure.datasets import DatasetWriter, Feature, vector

from .gym_env import GymEnv, Observations, Step
from .loop import LinkedPolicy
from .rollouts import FLAG, source_of
from .success_rule import SuccessRule

ACTION = "action"
REWARD = Feature(dtype="float32", shape=(1,))


@dataclass
class GymEpisode:
    """One episode; row t is what was seen, and then done, at time t / rate."""

    condition: int
    observations: list[dict[str, NDArray[np.float32]]] = field(default_factory=list)
    actions: list[NDArray[np.float32]] = field(default_factory=list)
    """As the policy meant them, also where the space cut them."""
    rewards: list[float] = field(default_factory=list)
    beyond: int = 0
    """Control steps whose action the space did not allow."""
    success: bool = False

    @property
    def steps(self) -> int:
        """So far."""
        return len(self.actions)

    def measured(self, what: str) -> float:
        """What a rule at the end asks for."""
        return float(self.steps) if what == "steps" else sum(self.rewards)


def play(
    env: GymEnv,
    policy: LinkedPolicy,
    conditions: Sequence[Condition],
    *,
    rule: SuccessRule,
    horizon: int,
    progress: Callable[[int, int], None],
) -> Iterator[GymEpisode]:
    """Play every condition once; a row whose episode has ended takes the next one.

    Args:
        env: Where to play.
        policy: Asked for all rows at every step.
        conditions: With a reset seed each.
        rule: What success is.
        horizon: Control steps after which an episode ends, unless the environment ends it before.
        progress: Told (episodes done, episodes in all) after each episode.

    Yields:
        Episodes in the order in which they end.
    """
    waiting = list(reversed(range(len(conditions))))
    running: dict[int, GymEpisode] = {}
    done = 0
    seen = _fill(env, policy, conditions, waiting, running, np.arange(env.num_envs))
    while running:
        known = _floats(seen)
        action = policy.act(known)
        beyond = env.beyond(action)
        seen, step = env.step(action)
        ended = step.ended.copy()
        for row, episode in running.items():
            episode.observations.append({name: rows[row] for name, rows in known.items()})
            episode.actions.append(action[row])
            episode.rewards.append(float(step.reward[row]))
            episode.beyond += int(beyond[row])
            ended[row] |= _judge(episode, rule, step, row, horizon)
        for row in np.flatnonzero(ended):
            if (over := running.pop(int(row), None)) is not None:
                done += 1
                progress(done, len(conditions))
                yield over
        if ended.any():
            seen = _fill(env, policy, conditions, waiting, running, np.flatnonzero(ended))


def _judge(episode: GymEpisode, rule: SuccessRule, step: Step, row: int, horizon: int) -> bool:
    """Whether the episode is over now; sets its success."""
    over = bool(step.ended[row]) or episode.steps >= horizon
    if not rule.at_end:
        episode.success = rule.holds(float(step.told(rule.what.removeprefix("info."))[row]))
    elif over:
        episode.success = rule.holds(episode.measured(rule.what))
    return over or episode.success


def _fill(
    env: GymEnv,
    policy: LinkedPolicy,
    conditions: Sequence[Condition],
    waiting: list[int],
    running: dict[int, GymEpisode],
    free: NDArray[np.intp],
) -> Observations:
    """Begin the next conditions in free rows; a row that none is left for begins one that is not recorded."""
    seeds, begun = [], []
    for row in free:
        index = waiting.pop() if waiting else None
        if index is not None:
            running[int(row)] = GymEpisode(index)
        begun.append(-1 if index is None else index)
        seeds.append(0 if index is None else conditions[index].reset_seed or 0)
    seen = env.begin(free, seeds)
    policy.reset(free)
    played = np.array(begun, dtype=np.intp)
    policy.begin(free[played >= 0], played[played >= 0])
    return seen


def _floats(seen: Observations) -> Observation:
    return {name: rows.astype(np.float32) for name, rows in seen.items()}


def write_episodes(
    root: Path, episodes: Sequence[GymEpisode], env: GymEnv, rate_hz: float, conditions: ConditionSet, package: Digest
) -> None:
    """Write one LeRobot episode per rollout; the provenance names condition, outcome and package.

    Args:
        root: Where the dataset appears, whole.
        episodes: In the order of the conditions.
        env: Gives names.
        rate_hz: Control steps per second.
        conditions: What was played.
        package: Who played.
    """
    sizes = {name: int(np.prod(space.shape)) for name, space in env.observations.items()}
    sizes[ACTION] = episodes[0].actions[0].size
    features = {name: vector([f"{name.rpartition('.')[2]}_{i}" for i in range(size)]) for name, size in sizes.items()}
    features |= {"next.reward": REWARD, "next.done": FLAG, "next.success": FLAG}
    with DatasetWriter(root, fps=round(rate_hz), features=features, robot=env.robot, task=conditions.task) as writer:
        for index, episode in enumerate(episodes):
            last = np.arange(episode.steps) == episode.steps - 1
            columns: dict[str, NDArray[np.generic]] = {
                name: np.stack([row[name] for row in episode.observations]).reshape(episode.steps, -1)
                for name in env.observations
            }
            columns[ACTION] = np.stack(episode.actions)
            columns["next.reward"] = np.array(episode.rewards, dtype=np.float32)
            columns["next.done"], columns["next.success"] = last, last & episode.success
            source = source_of(index, episode.condition, conditions, package, success=episode.success)
            writer.add_episode(columns, source=source)
