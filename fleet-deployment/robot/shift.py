"""A robot's shift: activate the released policy in a simulated cell, work through episodes, leave their telemetry."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from physai.infrastructure.console import progress
from physai.infrastructure.contracts import Contract, Digest, PolicyPackage, Release
from physai.infrastructure.simulation import Camera, Rollout, TaskEnv, launch, load_world
from physai.infrastructure.video import write_video

from .agent import Agent
from .event_log import EventLog
from .film import STRIDE, film
from .fit import RobotFacts
from .onnx_policy import OnnxPolicy
from .work import Assignment, work

IMAGES = "observation.images."
FILM = Camera(name="film", width=160, height=120)


@dataclass(frozen=True)
class Shift:
    """What a robot is to do."""

    site: str
    world: str
    """Name or path of the world it meets."""
    episodes: int
    arms: int
    """Identical arms of the cell, stepped together."""
    horizon_s: float
    """Time after which an episode has failed."""
    output: Path
    film_episodes: int = 4
    """Episodes shown in `rollout.mp4`; 0 for no video."""


class ShiftResult(Contract):
    """What came of it."""

    robot: str
    release: str
    package: Digest
    episodes: int
    successes: int
    output: str


def run_shift(agent: Agent, release_name: str | None, shift: Shift) -> ShiftResult:
    """Run a shift, or what is left of one that was cut off.

    Args:
        agent: The robot's.
        release_name: None for the newest release in force.
        shift: What to do. `events.jsonl`, `state.json` and `rollout.mp4` in its output tell of it.

    Raises:
        PhysaiError: If there is no release to run, or its package fails a check; the robot keeps what it had.
    """
    with agent.home.working():
        release = agent.find(release_name)
        folder, package = agent.bring(release)
        log = EventLog(shift.output / "events.jsonl")
        told = log.episodes(agent.robot, release.name)
        missing = [episode for episode in range(shift.episodes) if episode not in told]
        to_film = shift.film_episodes > 0 and not (shift.output / "rollout.mp4").exists()
        if missing or to_film or not agent.is_active(release):
            _work_through(agent, release, folder, package, shift, log, missing, to_film)
        assert agent.state is not None
        agent.state.write(shift.output / "state.json")
    mine = [event.data for event in log.events if event.data.release == release.name]
    return ShiftResult(
        robot=agent.robot,
        release=release.name,
        package=release.package,
        episodes=len(mine),
        successes=sum(data.success for data in mine),
        output=str(shift.output),
    )


def _work_through(
    agent: Agent,
    release: Release,
    folder: Path,
    package: PolicyPackage,
    shift: Shift,
    log: EventLog,
    missing: Sequence[int],
    to_film: bool,
) -> None:
    camera = policy_camera(package) or (FILM if to_film else None)
    world = load_world(shift.world)
    with launch(package.task, num_envs=shift.arms, world=world, camera=camera) as env:
        agent.activate(release, package, facts_of(env))
        policy = OnnxPolicy(folder, package, shift.arms)
        agent.start()
        try:
            _play(env, policy, Assignment(agent.robot, shift.site, release), shift, log, missing, to_film)
        finally:
            agent.stop()


def _play(
    env: TaskEnv,
    policy: OnnxPolicy,
    assignment: Assignment,
    shift: Shift,
    log: EventLog,
    missing: Sequence[int],
    to_film: bool,
) -> None:
    """Play the missing episodes, the first of them with images if there is a film to make."""
    conditions = env.sample_conditions(shift.episodes, assignment.seed)
    filmed = (list(missing) or list(range(shift.episodes)))[: shift.arms] if to_film else []
    rest = [episode for episode in missing if episode not in filmed]
    with progress() as bar:
        line = bar.add_task(f"{assignment.robot} works", total=len(filmed) + len(rest))

        def play(episodes: Sequence[int], images: bool) -> Iterator[Rollout]:
            chosen = [conditions[episode] for episode in episodes]
            for event, rollout in work(
                env, policy, episodes, chosen, assignment, horizon_s=shift.horizon_s, images=images
            ):
                if event.data.episode in missing:
                    log.append(event)
                bar.advance(line)
                yield rollout

        if filmed:
            shown = sorted(play(filmed, images=True), key=lambda rollout: rollout.condition)[: shift.film_episodes]
            write_video(shift.output / "rollout.mp4", film(shown), max(1, round(env.rate_hz / STRIDE)))
        for _ in play(rest, images=env.camera is not None and env.camera.name != FILM.name):
            pass


def policy_camera(package: PolicyPackage) -> Camera | None:
    """The camera that a package looks through, if any."""
    for spec in package.inputs:
        if spec.name.startswith(IMAGES):
            _, height, width = spec.shape
            return Camera(name=spec.name.removeprefix(IMAGES), width=width, height=height)
    return None


def facts_of(env: TaskEnv) -> RobotFacts:
    """What a simulated robot says of itself."""
    observations = {name: rows.shape[1:] for name, rows in env.observe().items()}
    if env.camera is not None:
        observations[env.image_key] = (3, env.camera.height, env.camera.width)
    return RobotFacts(
        task=env.task,
        robot=env.robot,
        rate_hz=env.rate_hz,
        joints=env.joint_names,
        units=env.units,
        limits=env.joint_limits,
        observations=observations,
    )
