"""Records the expert at work in a simulated world."""

from collections.abc import Callable
from pathlib import Path

from physai.infrastructure.contracts import Contract, RawEpisode
from physai.infrastructure.simulation import Camera, expert, launch, play

from .episode import Source, write_episode
from .folder import episode_path
from .session import CapturePlan, session

EXPERT = "expert"


class RecordReport(Contract):
    """What is in the folder now."""

    folder: str
    task: str
    world: str
    episodes: int
    recorded: int
    """Episodes of them made by this call; 0 if all were there."""
    successes: int
    failures: tuple[int, ...]
    """Indices of the episodes in which the expert failed; curation drops them."""
    frames: int
    """Rows of all episodes."""
    duration_s: float
    """Simulated time of all episodes."""


def record(
    plan: CapturePlan,
    folder: Path,
    *,
    episodes: int,
    num_envs: int,
    progress: Callable[[int, int], None] | None = None,
) -> RecordReport:
    """Record the episodes that the folder lacks; conditions are drawn by index, so none depends on the others.

    Args:
        plan: How to record.
        folder: Where to; made if need be.
        episodes: How many there are to be in all.
        num_envs: Environments stepped together.
        progress: Told (episodes there, episodes in all).

    Raises:
        CaptureError: If the folder holds other recordings, or is being written.
        SimulationError: If the task or the world cannot be launched.
    """
    with session(folder, plan, episodes) as missing:
        if missing:
            _record_missing(plan, folder, missing, min(num_envs, len(missing)), episodes, progress)
        sidecars = [RawEpisode.read(episode_path(folder, index).with_suffix(".json")) for index in range(episodes)]
    return RecordReport(
        folder=str(folder),
        task=plan.task,
        world=plan.world.name,
        episodes=episodes,
        recorded=len(missing),
        successes=sum(sidecar.outcome == "success" for sidecar in sidecars),
        failures=tuple(index for index, sidecar in enumerate(sidecars) if sidecar.outcome != "success"),
        frames=sum(sidecar.messages["/joint_states"] for sidecar in sidecars),
        duration_s=sum(sidecar.duration_s for sidecar in sidecars),
    )


def _record_missing(
    plan: CapturePlan,
    folder: Path,
    missing: list[int],
    num_envs: int,
    episodes: int,
    progress: Callable[[int, int], None] | None,
) -> None:
    camera = Camera(width=plan.image_size, height=plan.image_size) if plan.image_size else None
    there = episodes - len(missing)
    with launch(plan.task, num_envs=num_envs, world=plan.world, camera=camera) as env:
        source = Source(
            task=plan.task,
            robot=env.robot,
            world=plan.world.name,
            generator=plan.generator,
            seed=plan.seed,
            rate_hz=env.rate_hz,
            joint_names=env.joint_names,
            camera=camera.name if camera else None,
        )
        conditions = env.sample_conditions(episodes, plan.seed)
        rollouts = play(
            env,
            expert(env),
            [conditions[index] for index in missing],
            horizon_s=plan.horizon_s,
            tail_steps=round(plan.tail_s * env.rate_hz),
            images=camera is not None,
        )
        for done, rollout in enumerate(rollouts, start=there + 1):
            write_episode(folder, missing[rollout.condition], rollout, source)
            if progress:
                progress(done, episodes)
