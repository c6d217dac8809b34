"""A robot at work: production episodes under its active policy, each told as one telemetry event."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from physai.infrastructure.contracts import Condition, EpisodeData, EpisodeEvent, Release
from physai.infrastructure.simulation import TaskEnv, play

from ..runtime.guard import Guard
from ..runtime.onnx_policy import OnnxPolicy
from .film import Film, Filmed

type Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Assignment:
    """Who works where, and under which release."""

    robot: str
    site: str
    release: Release

    @property
    def seed(self) -> int:
        """Seed of the episodes: robots meet different targets, and the same robot the same ones again."""
        return int.from_bytes(hashlib.sha256(f"{self.robot}/{self.release.name}".encode()).digest()[:4])


def work(
    env: TaskEnv,
    policy: OnnxPolicy,
    episodes: Sequence[int],
    conditions: Sequence[Condition],
    assignment: Assignment,
    *,
    horizon_s: float,
    images: bool = False,
    film: Film | None = None,
    progress: Progress | None = None,
) -> Iterator[EpisodeEvent]:
    """Play episodes and tell of each as it ends.

    Args:
        env: The robot, simulated; its arms work side by side.
        policy: What it runs, which is guarded here.
        episodes: Numbers of the episodes to play.
        conditions: What each of them starts from, in the same order.
        assignment: Who works.
        horizon_s: Time after which an episode has failed.
        images: Whether the policy sees the camera.
        film: Shot while the episodes are played.
        progress: Told (done, in all).
    """
    guard = Guard(policy, policy.package.limits, env.num_envs)
    playing = Filmed(guard, film) if film else guard
    for rollout in play(env, playing, conditions, horizon_s=horizon_s, images=images, progress=progress):
        if film:
            film.show(rollout)
        ended_at = datetime.now(UTC)
        duration_s = rollout.steps / env.rate_hz
        actions = rollout.actions[: rollout.steps]
        data = EpisodeData(
            policy=assignment.release.package,
            release=assignment.release.name,
            cohort=assignment.release.cohort,
            robot=assignment.robot,
            site=assignment.site,
            task=env.task,
            episode=episodes[rollout.condition],
            started_at=policy.began_at[rollout.env],
            success=rollout.success,
            steps=rollout.steps,
            duration_s=duration_s,
            command=conditions[rollout.condition].command,
            inference_p50_ms=policy.latency_ms(rollout.env, 50),
            inference_p99_ms=policy.latency_ms(rollout.env, 99),
            deadline_misses=policy.misses(rollout.env, 1e3 / env.rate_hz),
            clamped_actions=int(guard.clamped[rollout.env]),
            held_actions=int(guard.held[rollout.env]),
            action_mean=tuple(actions.mean(axis=0).tolist()),
            action_std=tuple(actions.std(axis=0).tolist()),
            kpis={"final_error_m": rollout.final_error_m},
        )
        yield make_event(data, ended_at)


def make_event(data: EpisodeData, ended_at: datetime) -> EpisodeEvent:
    """The event of one episode; the same episode has the same id, however often it is told."""
    return EpisodeEvent(
        id=f"{data.release}/{data.robot}/{data.episode:06d}",
        source=f"/{data.site}/{data.robot}",
        time=ended_at,
        data=data,
    )
