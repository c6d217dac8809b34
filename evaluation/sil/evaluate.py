"""An evaluation: every policy plays the same stored conditions in one simulator, over the network protocol."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from physai.infrastructure.console import stderr
from physai.infrastructure.contracts import (
    ConditionSet,
    Digest,
    EpisodeOutcome,
    EvaluationReport,
    Interval,
    PolicyResult,
    Role,
)
from physai.infrastructure.contracts.evaluation import FILM, ROLLOUTS
from physai.infrastructure.control import Policy
from physai.infrastructure.fit import MisfitError, check_fit, facts_of
from physai.infrastructure.registry.verify import GOLDEN_FILE, read_golden
from physai.infrastructure.simulation import Camera, Rollout, expert, launch, play
from physai.infrastructure.video import write_video

from ..errors import TaskError
from ..metrics import limit_violations, motion_kpis, success_rate
from ..report import make_report
from .client import PolicyClient
from .conditions import check_conditions, is_gymnasium
from .entrants import Entrant
from .film import TILE, film
from .host import PolicyHost
from .loop import EpisodeLink, LinkedPolicy, inference_ms, link_kpis, percentiles
from .profile import DeviceProfile
from .results import Workspace
from .rollouts import write_rollouts
from .served import ServedPolicy
from .server import running
from .transports import NETWORK_S

if TYPE_CHECKING:
    from physai.infrastructure.simulation import TaskEnv

    from .gym_env import GymEnv

STATE = "observation.state"
FILMED = 4

Progress = Callable[[Role, int, int], None]
"""Told (role, episodes done, episodes in all)."""


class Plan(NamedTuple):
    """What to evaluate, and how."""

    conditions: ConditionSet
    entrants: tuple[Entrant, ...]
    expert: bool
    """Whether Isaac Lab's expert plays too."""
    server: str | None
    """URL of the policy host; None starts one here."""
    wait_s: float
    """How long to wait for the host."""
    envs: int
    """Environments that are stepped together, at most."""
    timeout_s: float = NETWORK_S
    """How long one answer of the host may take."""
    interval: Interval = "wilson"
    """Of the success rates."""
    profile: DeviceProfile | None = None
    """Latencies to put between robot and policy."""
    workers: bool = False
    """Whether Gymnasium environments step in processes of their own."""

    @property
    def device_profile(self) -> Digest | None:
        """Digest of the profile."""
        return self.profile.digest if self.profile else None

    @property
    def packages(self) -> dict[Role, Digest | None]:
        """Role → package; None is the expert."""
        packages: dict[Role, Digest | None] = {entrant.role: entrant.digest for entrant in self.entrants}
        return packages | ({"expert": None} if self.expert else {})


def evaluate(plan: Plan, output: Path, progress: Progress) -> EvaluationReport:
    """Evaluate, or go on with an evaluation that was killed; `output` appears whole.

    Args:
        plan: The first entrant is the candidate.
        output: Folder for `report.json`, `conditions.json`, `rollouts/` and `rollout.mp4`.
        progress: Told after every episode.

    Raises:
        PhysaiError: If a package does not fit, the host does not answer as it must, or the output is taken.
    """
    for entrant in plan.entrants:
        check_conditions(entrant.role, entrant.package, plan.conditions)
    if plan.expert and is_gymnasium(plan.conditions.task):
        raise TaskError(plan.conditions.task, "has no expert", "Leave --expert out.")
    workspace = Workspace(output, plan.conditions, plan.device_profile)
    if (done := workspace.done(plan.packages, plan.interval)) is not None:
        stderr.print(f"{output} is up to date: the same policies met the same conditions")
        return done
    with workspace:
        results = _finish_all(plan, workspace, progress)
        report = make_report(plan.conditions, tuple(results), device_profile=plan.device_profile)
        workspace.finish(report, plan.conditions)
    return report


def _finish_all(plan: Plan, workspace: Workspace, progress: Progress) -> list[PolicyResult]:
    """The result of every role, in the plan's order: kept from an earlier run, or played now."""
    found = {role: workspace.finished(role, digest) for role, digest in plan.packages.items()}
    results = {role: result and _with_interval(result, plan.interval) for role, result in found.items()}
    pending = [role for role, result in results.items() if result is None]
    for role in results.keys() - set(pending):
        stderr.print(f"{role}: finished by an earlier run, kept")
    if pending:
        entrants = tuple(entrant for entrant in plan.entrants if entrant.role in pending)
        play_all = _play_gymnasium if is_gymnasium(plan.conditions.task) else _play_all
        with clients(plan, entrants) as asked:
            for result in play_all(plan, entrants, asked, workspace, progress):
                results[result.role] = result
    return [result for result in results.values() if result is not None]


def _with_interval(result: PolicyResult, interval: Interval) -> PolicyResult:
    """A result that an earlier run kept, perhaps with another interval."""
    outcomes = [episode.success for episode in result.episodes]
    return result.model_copy(update={"success": success_rate(outcomes, method=interval)})


@contextmanager
def clients(plan: Plan, entrants: Sequence[Entrant]) -> Iterator[dict[Role, PolicyClient]]:
    """Connected clients by role, each proven to reach its package; the model's name is the role."""
    with ExitStack() as stack:
        url = plan.server
        if url is None and entrants:
            policies = [ServedPolicy.load(entrant.folder, entrant.role) for entrant in entrants]
            url = stack.enter_context(running(PolicyHost(policies)))
        connected: dict[Role, PolicyClient] = {}
        for entrant in entrants:
            assert url is not None
            client = PolicyClient(url, entrant.role, entrant.package, entrant.digest, plan.timeout_s)
            connected[entrant.role] = stack.enter_context(client)
            client.wait(plan.wait_s)
            client.check_identity()
            client.check_golden(read_golden(entrant.folder / GOLDEN_FILE, entrant.package))
        yield connected


def _play_all(
    plan: Plan, entrants: Sequence[Entrant], asked: dict[Role, PolicyClient], workspace: Workspace, progress: Progress
) -> Iterator[PolicyResult]:
    """Play every pending role in one simulator, and keep each result as soon as it is there."""
    conditions = plan.conditions
    num_envs = max(min(plan.envs, len(conditions.conditions)), min(FILMED, len(conditions.conditions)))
    with launch(conditions.task, num_envs=num_envs, world=conditions.world, camera=camera_of(entrants)) as env:
        for entrant in entrants:
            check_fit(entrant.package, facts_of(env), entrant.role)
        for entrant in entrants:
            client = asked[entrant.role]
            played = rollouts_of(env, linked(plan, entrant, client, env), entrant, conditions, progress)
            result = result_of(entrant.role, entrant.digest, played, env, client.round_trips_ms, plan.interval)
            if entrant.role == "candidate":
                write_rollouts(workspace.fresh(ROLLOUTS), played.rollouts, env, conditions, entrant.digest)
                _film(env, linked(plan, entrant, client, env), entrant, conditions, workspace.fresh(FILM))
            workspace.keep(result)
            yield result
        if plan.expert and workspace.finished("expert", None) is None:
            played = rollouts_of(env, expert(env), None, conditions, progress)
            result = result_of("expert", None, played, env, [], plan.interval)
            workspace.keep(result)
            yield result


def _play_gymnasium(
    plan: Plan, entrants: Sequence[Entrant], asked: dict[Role, PolicyClient], workspace: Workspace, progress: Progress
) -> Iterator[PolicyResult]:
    """Likewise in Gymnasium environments, which have no expert and no film."""
    from .gym_env import Timing, check_spaces, opened
    from .gym_evaluate import play_role

    task = plan.conditions.task
    timing = Timing.of(task)
    with opened(task, min(plan.envs, len(plan.conditions.conditions)), workers=plan.workers) as env:
        for entrant in entrants:
            check_spaces(entrant.package, env, timing.rate_hz, entrant.role)
        for entrant in entrants:
            client = asked[entrant.role]
            policy = linked(plan, entrant, client, env, timing.rate_hz)
            rollouts = workspace.fresh(ROLLOUTS) if entrant.role == "candidate" else None
            episodes = play_role(env, policy, entrant, plan.conditions, timing.rate_hz, rollouts, progress)
            result = policy_result(entrant.role, entrant.digest, episodes, client.round_trips_ms, plan.interval)
            workspace.keep(result)
            yield result


class Played(NamedTuple):
    """All rollouts of one policy, in the order of the conditions, and what each saw of its policy."""

    rollouts: list[Rollout]
    links: dict[int, EpisodeLink]
    """By condition; empty for the expert."""


def linked(
    plan: Plan, entrant: Entrant, client: PolicyClient, env: "TaskEnv | GymEnv", rate_hz: float | None = None
) -> LinkedPolicy:
    """The policy behind its host, and behind the device's latencies if there are any."""
    package = entrant.package
    return LinkedPolicy(
        client.infer,
        package.action_steps,
        env.num_envs,
        package.inputs,
        rate_hz=rate_hz or package.rate_hz,
        profile=plan.profile,
        seed=plan.conditions.seed,
        stands=package.action_meaning == "absolute-joint-position",
        infer_sequences=client.infer_sequences if package.states else None,
    )


def rollouts_of(
    env: "TaskEnv",
    policy: Policy,
    entrant: Entrant | None,
    conditions: ConditionSet,
    progress: Progress,
    first: int = 0,
) -> Played:
    """All rollouts of one policy; `first` is the number of the first condition in the whole set."""
    role: Role = entrant.role if entrant else "expert"
    behind = policy if isinstance(policy, LinkedPolicy) else None
    played = Played([], {})
    for rollout in play(
        env,
        policy,
        conditions.conditions,
        horizon_s=conditions.horizon_s,
        images=entrant is not None and entrant.camera is not None,
        progress=lambda done, total: progress(role, done, total),
        begun=(lambda envs, numbers: behind.begin(envs, numbers + first)) if behind else None,
    ):
        number = rollout.condition + first
        played.rollouts.append(replace(rollout, condition=number))
        if behind:
            played.links[number] = behind.links.pop(number)  # now: its row goes on, and is asked for, without it
    played.rollouts.sort(key=lambda rollout: rollout.condition)
    return played


def result_of(
    role: Role,
    package: Digest | None,
    played: Played,
    env: "TaskEnv",
    round_trips_ms: Sequence[float],
    interval: Interval = "wilson",
) -> PolicyResult:
    """The outcome of every episode, and what follows from them."""
    limits = env.joint_limits
    episodes = tuple(
        EpisodeOutcome(
            condition=rollout.condition,
            success=rollout.success,
            steps=rollout.steps,
            kpis={
                "final_error_m": rollout.final_error_m,
                "limit_violations": limit_violations(rollout.actions, limits),
                **motion_kpis(rollout.observations[STATE], env.rate_hz),
                **link_kpis(played.links.get(rollout.condition)),
            },
            inference_ms=inference_ms(played.links.get(rollout.condition)),
        )
        for rollout in played.rollouts
    )
    return policy_result(role, package, episodes, round_trips_ms, interval)


def policy_result(
    role: Role,
    package: Digest | None,
    episodes: tuple[EpisodeOutcome, ...],
    round_trips_ms: Sequence[float],
    interval: Interval,
) -> PolicyResult:
    """What follows from the outcomes of all episodes."""
    return PolicyResult(
        role=role,
        package=package,
        success=success_rate([episode.success for episode in episodes], method=interval),
        episodes=episodes,
        inference_ms=percentiles(round_trips_ms, ""),
    )


def _film(env: "TaskEnv", policy: Policy, entrant: Entrant, conditions: ConditionSet, path: Path) -> None:
    """Film the first conditions, chosen before anyone knows how they end."""
    images = entrant.camera is not None
    first = conditions.conditions[: FILMED if len(conditions.conditions) >= FILMED else 1]
    frames, fps = film(env, policy, first, horizon_s=conditions.horizon_s, images=images)
    write_video(path, frames, fps)


def camera_of(entrants: Sequence[Entrant]) -> Camera | None:
    """The camera that the policies look through, else one for the film; None if nothing is to be seen.

    Raises:
        MisfitError: If policies need different cameras.
    """
    wanted = {entrant.role: entrant.camera for entrant in entrants if entrant.camera is not None}
    first = next(iter(wanted.values()), None)
    for role, camera in wanted.items():
        if camera != first:
            raise MisfitError(role, "camera", camera, first)
    if first is not None:
        name, height, width = first
        return Camera(name=name, width=width, height=height)
    return TILE if any(entrant.role == "candidate" for entrant in entrants) else None
