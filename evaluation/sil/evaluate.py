"""An evaluation: every policy plays the same stored conditions in one simulator, over the network protocol."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from physai.infrastructure.console import stderr
from physai.infrastructure.contracts import (
    ConditionSet,
    Digest,
    EpisodeOutcome,
    EvaluationReport,
    PolicyResult,
    Role,
)
from physai.infrastructure.control import ChunkedPolicy, Policy
from physai.infrastructure.fit import MisfitError, check_fit, facts_of
from physai.infrastructure.registry.verify import GOLDEN_FILE, read_golden
from physai.infrastructure.simulation import Camera, Rollout, expert, launch, play
from physai.infrastructure.video import write_video

from ..metrics import motion_kpis, success_rate
from ..report import make_report
from .client import PolicyClient
from .conditions import check_conditions
from .entrants import Entrant
from .film import TILE, film
from .host import PolicyHost
from .results import FILM, ROLLOUTS, Workspace
from .rollouts import write_rollouts
from .served import ServedPolicy
from .server import running

if TYPE_CHECKING:
    from physai.infrastructure.simulation import TaskEnv

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
    workspace = Workspace(output, plan.conditions)
    if (done := workspace.done(plan.packages)) is not None:
        stderr.print(f"{output} is up to date: the same policies met the same conditions")
        return done
    with workspace:
        results = _finish_all(plan, workspace, progress)
        report = make_report(plan.conditions, tuple(results))
        workspace.finish(report, plan.conditions)
    return report


def _finish_all(plan: Plan, workspace: Workspace, progress: Progress) -> list[PolicyResult]:
    """The result of every role, in the plan's order: kept from an earlier run, or played now."""
    results = {role: workspace.finished(role, digest) for role, digest in plan.packages.items()}
    pending = [role for role, result in results.items() if result is None]
    for role in results.keys() - set(pending):
        stderr.print(f"{role}: finished by an earlier run, kept")
    if pending:
        entrants = tuple(entrant for entrant in plan.entrants if entrant.role in pending)
        with clients(plan, entrants) as asked:
            for result in _play_all(plan, entrants, asked, workspace, progress):
                results[result.role] = result
    return [result for result in results.values() if result is not None]


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
            client = PolicyClient(url, entrant.role, entrant.package, entrant.digest)
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
            rollouts = rollouts_of(env, chunked(entrant, client, env), entrant, conditions, progress)
            result = result_of(entrant.role, entrant.digest, rollouts, env.rate_hz, client.round_trips_ms)
            if entrant.role == "candidate":
                write_rollouts(workspace.fresh(ROLLOUTS), rollouts, env, conditions, entrant.digest)
                _film(env, chunked(entrant, client, env), entrant, conditions, workspace.fresh(FILM))
            workspace.keep(result)
            yield result
        if plan.expert and workspace.finished("expert", None) is None:
            rollouts = rollouts_of(env, expert(env), None, conditions, progress)
            result = result_of("expert", None, rollouts, env.rate_hz, [])
            workspace.keep(result)
            yield result


def chunked(entrant: Entrant, client: PolicyClient, env: "TaskEnv") -> Policy:
    """The policy behind a host, asked once per chunk."""
    return ChunkedPolicy(client.infer, entrant.package.action_steps, env.num_envs, entrant.package.inputs)


def rollouts_of(
    env: "TaskEnv", policy: Policy, entrant: Entrant | None, conditions: ConditionSet, progress: Progress
) -> list[Rollout]:
    """All rollouts of one policy, in the order of the conditions."""
    role: Role = entrant.role if entrant else "expert"
    rollouts = play(
        env,
        policy,
        conditions.conditions,
        horizon_s=conditions.horizon_s,
        images=entrant is not None and entrant.camera is not None,
        progress=lambda done, total: progress(role, done, total),
    )
    return sorted(rollouts, key=lambda rollout: rollout.condition)


def result_of(
    role: Role, package: Digest | None, rollouts: Sequence[Rollout], rate_hz: float, round_trips_ms: Sequence[float]
) -> PolicyResult:
    """The outcome of every episode, and what follows from them."""
    episodes = tuple(
        EpisodeOutcome(
            condition=rollout.condition,
            success=rollout.success,
            steps=rollout.steps,
            kpis={"final_error_m": rollout.final_error_m, **motion_kpis(rollout.observations[STATE], rate_hz)},
        )
        for rollout in rollouts
    )
    inference = {f"p{p}": float(np.percentile(round_trips_ms, p)) for p in (50, 99)} if round_trips_ms else {}
    return PolicyResult(
        role=role,
        package=package,
        success=success_rate([episode.success for episode in episodes]),
        episodes=episodes,
        inference_ms=inference,
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
