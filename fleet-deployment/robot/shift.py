"""A robot's shift: activate the released policy in a simulated cell, work through episodes, leave their telemetry."""

from dataclasses import dataclass
from pathlib import Path

from physai.infrastructure.console import progress
from physai.infrastructure.contracts import Contract, Digest, PolicyPackage, Release
from physai.infrastructure.fit import facts_of
from physai.infrastructure.simulation import Camera, TaskEnv, launch, load_world
from physai.infrastructure.video import write_video

from ..loader.agent import Agent
from ..runtime.onnx_policy import OnnxPolicy
from .event_log import EventLog
from .film import VIEW, Film
from .work import Assignment, work

IMAGES = "observation.images."
FILM_FILE = "rollout.mp4"


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
    film_s: float = 4.0
    """Length of `rollout.mp4`; 0 for none."""


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
        to_film = shift.film_s > 0 and not (shift.output / FILM_FILE).exists()
        if to_film or not agent.is_active(release) or not told.issuperset(range(shift.episodes)):
            _work_through(agent, release, folder, package, shift, log, to_film)
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
    agent: Agent, release: Release, folder: Path, package: PolicyPackage, shift: Shift, log: EventLog, to_film: bool
) -> None:
    camera = policy_camera(package) or (VIEW if to_film else None)
    with launch(package.task, num_envs=shift.arms, world=load_world(shift.world), camera=camera) as env:
        agent.activate(release, package, facts_of(env))
        agent.start()
        try:
            film = Film(env, shift.film_s) if to_film else None
            assignment = Assignment(agent.robot, shift.site, release)
            _play(env, OnnxPolicy(folder, package, shift.arms), assignment, shift, log, film)
        finally:
            agent.stop()


def _play(
    env: TaskEnv, policy: OnnxPolicy, assignment: Assignment, shift: Shift, log: EventLog, film: Film | None
) -> None:
    """Play the episodes that are missing in the log; if none is, the first ones once more for the film."""
    told = log.episodes(assignment.robot, assignment.release.name)
    missing = [episode for episode in range(shift.episodes) if episode not in told]
    chosen = missing or list(range(shift.arms if film else 0))
    conditions = env.sample_conditions(shift.episodes, assignment.seed)
    with progress() as bar:
        events = work(
            env,
            policy,
            chosen,
            [conditions[episode] for episode in chosen],
            assignment,
            horizon_s=shift.horizon_s,
            images=policy_camera(policy.package) is not None,
            film=film,
        )
        for event in bar.track(events, total=len(chosen), description=f"{assignment.robot} works"):
            if event.data.episode not in told:
                log.append(event)
    if film:
        write_video(shift.output / FILM_FILE, film.frames, film.fps)


def policy_camera(package: PolicyPackage) -> Camera | None:
    """The camera that a package looks through, if any."""
    for spec in package.inputs:
        if spec.name.startswith(IMAGES):
            height, width = spec.shape[-2:]
            return Camera(name=spec.name.removeprefix(IMAGES), width=width, height=height)
    return None
