"""Gymnasium environments, stepped together, under their own seeds and against a package's contract."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Self

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, Space
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray

from physai.infrastructure.contracts import Condition, ConditionSet, PolicyPackage, World
from physai.infrastructure.errors import one_line
from physai.infrastructure.fit import RATE_TOLERANCE, MisfitError

from ..errors import TaskError
from .conditions import PREFIX
from .success_rule import read_rule

Observations = dict[str, NDArray[Any]]


class Step(NamedTuple):
    """What a step of all environments led to, one value a row."""

    reward: NDArray[np.float64]
    ended: NDArray[np.bool_]
    """Terminated or truncated by the environment itself."""
    info: dict[str, Any]

    def told(self, key: str) -> NDArray[np.float64]:
        """A value of the environments' info; NaN in rows that did not tell it."""
        rows = np.full(len(self.reward), np.nan)
        if key in self.info:
            there = self.info.get(f"_{key}", np.ones(len(rows), dtype=np.bool_))
            rows[there] = np.asarray(self.info[key], dtype=np.float64)[there]
        return rows


class GymEnv:
    """As many environments of one task as are stepped together."""

    def __init__(self, task: str, envs: VectorEnv[Any, Any, Any]) -> None:
        self.task = task
        self.robot = task.removeprefix(PREFIX)
        self.num_envs: int = envs.num_envs
        self.observations = _observations(task, envs.single_observation_space)
        """Name → space, as a policy is shown them."""
        self.action: Box | Discrete = _action(task, envs.single_action_space)
        self._envs = envs

    def begin(self, rows: NDArray[np.intp], seeds: Sequence[int]) -> Observations:
        """Start episodes in these rows; the others go on undisturbed.

        Returns:
            What all rows see now.
        """
        mask = np.zeros(self.num_envs, dtype=np.bool_)
        mask[rows] = True
        all_seeds: Any = [None] * self.num_envs  # a list works, and the base class declares one int
        for row, seed in zip(rows, seeds, strict=True):
            all_seeds[row] = seed
        seen, _ = self._envs.reset(seed=all_seeds, options={"reset_mask": mask})
        return self._named(seen)

    def step(self, action: NDArray[np.float32]) -> tuple[Observations, Step]:
        """Send actions (N, A), as far as the space allows them; of a discrete space the highest score is taken."""
        if isinstance(self.action, Discrete):
            sent: NDArray[Any] = action.argmax(axis=1) + int(self.action.start)
        else:
            sent = np.clip(action.reshape(-1, *self.action.shape), self.action.low, self.action.high)
        seen, reward, terminated, truncated, info = self._envs.step(sent.astype(self.action.dtype))
        ended = np.asarray(terminated) | np.asarray(truncated)
        return self._named(seen), Step(np.asarray(reward, dtype=np.float64), ended, info)

    def beyond(self, action: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Rows whose action the space does not allow, (N,)."""
        if isinstance(self.action, Discrete):
            return np.zeros(len(action), dtype=np.bool_)
        shaped = action.reshape(-1, *self.action.shape)
        out = np.logical_or(shaped < self.action.low, shaped > self.action.high)
        return np.asarray(out.reshape(len(action), -1).any(axis=1), dtype=np.bool_)

    def _named(self, seen: Any) -> Observations:
        rows = seen.items() if isinstance(seen, dict) else [("state", seen)]
        return {_name(key): np.array(values) for key, values in rows}


def _name(key: str) -> str:
    return key if key.startswith("observation.") else f"observation.{key}"


def _observations(task: str, space: Space[Any]) -> dict[str, Box]:
    parts = dict(space.spaces) if isinstance(space, Dict) else {"state": space}
    boxes: dict[str, Box] = {}
    for key, part in parts.items():
        if not isinstance(part, Box):
            raise TaskError(task, f"observes '{key}' as {part}", "Take one that observes Box, or Dict of Box.")
        boxes[_name(key)] = part
    return boxes


def _action(task: str, space: Space[Any]) -> Box | Discrete:
    if not isinstance(space, Box | Discrete):
        raise TaskError(task, f"its action space is {space}", "Take one with Box or Discrete.")
    return space


@contextmanager
def opened(task: str, num_envs: int, *, workers: bool = False) -> Iterator[GymEnv]:
    """Environments of a registered id, e.g. `gymnasium:Pendulum-v1`, or `gymnasium:my_package:MyEnv-v0`.

    Args:
        task: With its prefix.
        num_envs: Stepped together.
        workers: Whether each steps in a process of its own; outcomes are the same.

    Raises:
        TaskError: If there is no such environment, or its spaces are not supported.
    """
    try:
        envs = gymnasium.make_vec(
            task.removeprefix(PREFIX),
            num_envs=num_envs,
            vectorization_mode="async" if workers else "sync",
            vector_kwargs={"autoreset_mode": AutoresetMode.DISABLED},
        )
    except (gymnasium.error.Error, ImportError) as error:
        raise TaskError(task, one_line(error).rstrip("."), "Install it, or name another id.") from error
    try:
        yield GymEnv(task, envs)
    finally:
        envs.close()


class Timing(NamedTuple):
    """How long a task's control steps and episodes are."""

    rate_hz: float
    max_steps: int | None
    """After which the environment truncates an episode; None if it never does."""

    @classmethod
    def of(cls, task: str) -> Self:
        """As the environment states them: `dt` or `tau` in s, else its frame rate.

        Raises:
            TaskError: If it states none of them.
        """
        try:
            env = gymnasium.make(task.removeprefix(PREFIX))
        except (gymnasium.error.Error, ImportError) as error:
            reason = one_line(error).rstrip(".")
            raise TaskError(task, reason, "Install it, or name another id.") from error
        try:
            bare, spec = env.unwrapped, env.spec
            period_s = next((getattr(bare, name) for name in ("dt", "tau") if getattr(bare, name, None)), None)
            rate_hz = 1 / period_s if period_s else env.metadata.get("render_fps")
        finally:
            env.close()
        if not rate_hz:
            raise TaskError(task, "it states neither dt, tau nor render_fps", "Wrap it in one that has a dt in s.")
        return cls(float(rate_hz), spec.max_episode_steps if spec else None)


def draw_conditions(task: str, *, success: str | None, episodes: int, seed: int, horizon_s: float) -> ConditionSet:
    """Draw the reset seeds of `episodes` episodes; more of them change none of the first.

    Raises:
        TaskError: If there is no such environment, or no rule for success is given.
        RuleError: If the rule says nothing.
    """
    if success is None:
        raise TaskError(task, "what success is must be said", "Give --success, e.g. 'steps >= 500'.")
    read_rule(success)
    Timing.of(task)
    seeds = [int(np.random.default_rng((seed, index)).integers(2**31)) for index in range(episodes)]
    return ConditionSet(
        task=task,
        world=World(name="nominal"),
        seed=seed,
        horizon_s=horizon_s,
        success=success,
        joint_names=(),
        conditions=tuple(Condition(joint_pos_rad=(), command=(), reset_seed=drawn) for drawn in seeds),
    )


def check_spaces(package: PolicyPackage, env: GymEnv, rate_hz: float, who: str) -> None:
    """Refuse a package whose contract is not this environment's.

    Raises:
        MisfitError: On the first difference.
    """
    if package.task != env.task:
        raise MisfitError(who, "task", package.task, env.task)
    if abs(package.rate_hz - rate_hz) > RATE_TOLERANCE * rate_hz:
        raise MisfitError(who, "rate", f"{package.rate_hz:g} Hz", f"{rate_hz:g} Hz")
    given = {spec.name for spec in package.inputs if spec.noise} | {state.input for state in package.states}
    for spec in package.inputs:
        if spec.name in given:
            continue
        space = env.observations.get(spec.name)
        shape = spec.shape[bool(spec.history) :]
        if space is None or shape != space.shape:
            here = ", ".join(f"{name} {box.shape}" for name, box in env.observations.items())
            raise MisfitError(who, f"input '{spec.name}'", shape, here)
    _check_action(package, env, who)


def _check_action(package: PolicyPackage, env: GymEnv, who: str) -> None:
    spec = package.outputs[0]
    if isinstance(env.action, Discrete) != (package.action_meaning == "scores"):
        raise MisfitError(who, "action", package.action_meaning, env.action)
    size = int(env.action.n) if isinstance(env.action, Discrete) else int(np.prod(env.action.shape))
    if len(spec.shape) != 2 or spec.shape[0] < package.action_steps or spec.shape[1] != size:
        raise MisfitError(who, f"output '{spec.name}'", spec.shape, f"at least {(package.action_steps, size)}")
    if isinstance(env.action, Box):
        for what, bounds, allowed, outside in (
            ("lower", spec.lower, env.action.low.ravel(), np.less),
            ("upper", spec.upper, env.action.high.ravel(), np.greater),
        ):
            if bounds and outside(np.array(bounds, dtype=allowed.dtype), allowed).any():
                raise MisfitError(who, f"{what} bound of '{spec.name}'", bounds, allowed.tolist())
