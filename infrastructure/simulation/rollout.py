"""Plays episodes: as many at once as there are environments, each under its own condition."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..contracts import Condition
from ..control import Policy

if TYPE_CHECKING:
    from .env import TaskEnv

type Floats = NDArray[np.float32]
type Begun = Callable[[NDArray[np.intp], NDArray[np.intp]], None]
"""Told (environments, index of the condition that begins in each)."""


@dataclass(frozen=True)
class Rollout:
    """One episode. Row t of every array is what was seen, and then done, at time t / rate."""

    condition: int
    """Index in the conditions played."""
    success: bool
    """By the task's own success term, within the horizon."""
    steps: int
    """Until success, or all of them; rows beyond it are the tail."""
    observations: dict[str, Floats]
    """Name → (T, d); images are apart."""
    joint_vel: Floats
    """Measured joint velocities in rad/s, (T, J)."""
    actions: Floats
    """Absolute joint targets in rad, (T, A)."""
    images: NDArray[np.uint8] | None
    """(T, H, W, 3)."""
    final_error_m: float
    """Distance from the target when the episode was left."""
    env: int
    """Which environment played it."""


@dataclass
class _Episode:
    """What an environment has gathered so far."""

    condition: int
    observations: list[dict[str, Floats]] = field(default_factory=list)
    joint_vel: list[Floats] = field(default_factory=list)
    actions: list[Floats] = field(default_factory=list)
    images: list[NDArray[np.uint8]] = field(default_factory=list)
    succeeded_at: int | None = None

    @property
    def steps(self) -> int:
        return len(self.actions)

    def finished(self, horizon: int, tail_steps: int) -> bool:
        if self.succeeded_at is None:
            return self.steps >= horizon
        return self.steps >= self.succeeded_at + tail_steps

    def rollout(self, final_error_m: float, env: int) -> Rollout:
        names = self.observations[0]
        return Rollout(
            condition=self.condition,
            success=self.succeeded_at is not None,
            steps=self.succeeded_at or self.steps,
            observations={name: np.stack([row[name] for row in self.observations]) for name in names},
            joint_vel=np.stack(self.joint_vel),
            actions=np.stack(self.actions),
            images=np.stack(self.images) if self.images else None,
            final_error_m=final_error_m,
            env=env,
        )


def play(
    env: "TaskEnv",
    policy: Policy,
    conditions: Sequence[Condition],
    *,
    horizon_s: float,
    tail_steps: int = 0,
    images: bool = False,
    progress: Callable[[int, int], None] | None = None,
    begun: Begun | None = None,
) -> Iterator[Rollout]:
    """Play every condition once; an environment whose episode has ended takes the next one.

    Args:
        env: Where to play.
        policy: Asked for all environments at every step.
        conditions: What the episodes start from.
        horizon_s: Time after which an episode that has not succeeded has failed.
        tail_steps: Steps played, and kept, beyond success.
        images: Whether the policy sees the camera, and the rollouts keep it.
        progress: Told (episodes done, episodes in all) after each episode.
        begun: Told which conditions begin in which environments, after the policy was reset there.

    Yields:
        Rollouts in the order in which they end.
    """
    horizon = max(1, round(horizon_s * env.rate_hz))
    waiting = list(reversed(range(len(conditions))))
    running: dict[int, _Episode] = {}
    done = 0
    _fill(env, policy, conditions, waiting, running, begun)
    while running:
        _advance(env, policy, running, images)
        ended = [slot for slot, episode in running.items() if episode.finished(horizon, tail_steps)]
        if not ended:
            continue
        error_m = env.error_m()
        for slot in ended:
            done += 1
            if progress:
                progress(done, len(conditions))
            yield running.pop(slot).rollout(float(error_m[slot]), slot)
        _fill(env, policy, conditions, waiting, running, begun)


def _fill(
    env: "TaskEnv",
    policy: Policy,
    conditions: Sequence[Condition],
    waiting: list[int],
    running: dict[int, _Episode],
    begun: Begun | None,
) -> None:
    """Begin the next conditions in the environments that are free."""
    free = [slot for slot in range(env.num_envs) if slot not in running][: len(waiting)]
    if not free:
        return
    for slot in free:
        running[slot] = _Episode(waiting.pop())
    slots = np.array(free, dtype=np.intp)
    env.begin(slots, [conditions[running[slot].condition] for slot in free])
    policy.reset(slots)
    if begun is not None:
        begun(slots, np.array([running[slot].condition for slot in free], dtype=np.intp))


def _advance(env: "TaskEnv", policy: Policy, running: dict[int, _Episode], images: bool) -> None:
    """One control step of all environments; those without an episode go along unrecorded."""
    seen = env.observe()
    joint_vel = env.joint_vel()
    pictures = env.images() if images else None
    known = dict(seen)
    if pictures is not None:
        known[env.image_key] = pictures.transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255)
    action = policy.act(known)
    success = env.step(action)
    for slot, episode in running.items():
        episode.observations.append({name: rows[slot] for name, rows in seen.items()})
        episode.joint_vel.append(joint_vel[slot])
        episode.actions.append(action[slot])
        if pictures is not None:
            episode.images.append(pictures[slot])
        if success[slot] and episode.succeeded_at is None:
            episode.succeeded_at = episode.steps
