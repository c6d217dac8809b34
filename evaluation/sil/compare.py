"""Candidate against champion, played side by side until a sequential test knows which is better."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from physai.infrastructure.contracts import (
    ConditionSet,
    EvaluationReport,
    PolicyResult,
    Role,
    SequentialComparison,
    SequentialDesign,
)
from physai.infrastructure.contracts.evaluation import ROLLOUTS
from physai.infrastructure.fit import check_fit, facts_of
from physai.infrastructure.simulation import launch

from ..errors import ConditionsError, OutputError, TaskError
from ..metrics import compare_sequentially, plan
from ..report import make_report
from .client import PolicyClient
from .conditions import check_conditions, is_gymnasium
from .evaluate import Plan, Played, Progress, camera_of, clients, linked, result_of, rollouts_of
from .results import Workspace
from .rollouts import write_rollouts

if TYPE_CHECKING:
    from physai.infrastructure.simulation import TaskEnv


class Compared(NamedTuple):
    """How far two policies have come."""

    played: dict[Role, Played]
    results: tuple[PolicyResult, PolicyResult]
    test: SequentialComparison


def compare(asked: Plan, design: SequentialDesign, output: Path, progress: Progress) -> EvaluationReport:
    """Play both policies in blocks of conditions until the test decides, or the conditions run out.

    Args:
        asked: Candidate and champion; its `envs` is the size of a block.
        design: What must be told apart.
        output: Folder for `report.json`, `conditions.json` (those that were played) and `rollouts/`; appears whole. A
            comparison that was killed begins anew: what it had seen must not choose what is seen next.
        progress: Told after every episode.

    Raises:
        ConditionsError: If there are too few conditions for nine of ten comparisons to come to an end.
        PhysaiError: If a package does not fit, the host does not answer as it must, or the output is taken.
    """
    conditions = asked.conditions
    if is_gymnasium(conditions.task):
        raise TaskError(conditions.task, "is compared with a fixed number of conditions", "Use `sil run`.")
    planned = plan(design)
    needed = max(planned.better.p90_episodes, planned.equal.p90_episodes)
    if len(conditions.conditions) < needed:
        raise ConditionsError(len(conditions.conditions), needed)
    for entrant in asked.entrants:
        check_conditions(entrant.role, entrant.package, conditions)
    if (output / "report.json").exists():
        return _done(asked, design, output)
    workspace = Workspace(output, conditions)
    with workspace, clients(asked, asked.entrants) as connected:
        return _play(asked, design, connected, workspace, progress)


def _play(
    asked: Plan,
    design: SequentialDesign,
    connected: dict[Role, PolicyClient],
    workspace: Workspace,
    progress: Progress,
) -> EvaluationReport:
    conditions = asked.conditions
    envs = min(asked.envs, len(conditions.conditions))
    with launch(conditions.task, num_envs=envs, world=conditions.world, camera=camera_of(asked.entrants)) as env:
        for entrant in asked.entrants:
            check_fit(entrant.package, facts_of(env), entrant.role)
        found = None
        for found in _blocks(env, asked, design, connected, progress):
            if found.test.decision != "undecided":
                break
        assert found is not None, "a condition set is never empty"
        count = len(found.results[0].episodes)
        met = conditions.model_copy(update={"conditions": conditions.conditions[:count]})
        rollouts = found.played["candidate"].rollouts
        digest = asked.entrants[0].digest
        write_rollouts(workspace.fresh(ROLLOUTS), rollouts, env, met, digest)
    report = make_report(met, found.results, found.test)
    workspace.finish(report, met)
    return report


def _blocks(
    env: "TaskEnv", asked: Plan, design: SequentialDesign, connected: dict[Role, PolicyClient], progress: Progress
) -> Iterator[Compared]:
    """Both policies on the next block of conditions, then what the test says of all of them."""
    total = len(asked.conditions.conditions)
    played = {entrant.role: Played([], {}) for entrant in asked.entrants}
    for start in range(0, total, env.num_envs):
        block = asked.conditions.model_copy(
            update={"conditions": asked.conditions.conditions[start : start + env.num_envs]}
        )
        for entrant in asked.entrants:
            client = connected[entrant.role]
            policy = linked(asked, entrant, client, env)
            found = rollouts_of(env, policy, entrant, block, lambda *_: None, start)
            played[entrant.role].rollouts.extend(found.rollouts)
            played[entrant.role].links.update(found.links)
            progress(entrant.role, len(played[entrant.role].rollouts), total)
        candidate, champion = (
            result_of(e.role, e.digest, played[e.role], env, connected[e.role].round_trips_ms) for e in asked.entrants
        )
        yield Compared(played, (candidate, champion), compare_sequentially(candidate, champion, design))


def _done(asked: Plan, design: SequentialDesign, output: Path) -> EvaluationReport:
    """The report that is there, if it is of this very comparison."""
    report = EvaluationReport.read(output / "report.json")
    met = ConditionSet.read(output / "conditions.json")
    whole = asked.conditions
    same_start = met == whole.model_copy(update={"conditions": whole.conditions[: len(met.conditions)]})
    same_policies = {result.role: result.package for result in report.policies} == asked.packages
    if not (same_start and same_policies and report.sequential and report.sequential.plan.design == design):
        raise OutputError(output, "holds another evaluation")
    return report
