"""What a rollout has decided, as commits of the fleet's repository: each says who and why, and none is twice."""

from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from physai.infrastructure.contracts import Release

from ..errors import RolloutRefusedError
from ..gating.sequential import Baseline
from ..gitops import tree as fleet_tree
from ..gitops.compare import promote
from ..gitops.halts import halt, read_halt
from ..gitops.releases import approve, roll_back
from ..gitops.repository import FleetRepository
from .machine import RolloutState
from .plan import Cohort, RolloutPlan


def plan_for(repository: FleetRepository, name: str, later: Mapping[str, tuple[str, ...]]) -> RolloutPlan:
    """Plan the rollout of a proposed release: its own cohort first, then others.

    Args:
        repository: Of the fleet.
        name: Of the release.
        later: Cohort → its robots, in the order in which they follow.

    Raises:
        UnknownReleaseError: If there is no such release.
        RolloutRefusedError: If its cohort runs nothing to return to, or a cohort has no robots, or those of another.
    """
    with repository.read() as tree:
        release = fleet_tree.read_release(tree, name, repository.url)
        success = fleet_tree.read_success(tree, release)
        before = fleet_tree.read_current(tree, release.cohort, repository.url)
    if before is None or before.withdrawn or before.name == name:
        why = f"cohort '{release.cohort}' runs nothing else to return to; approve its first release by hand"
        raise RolloutRefusedError(name, "plan", why)
    cohorts = {release.cohort: release.robots, **later}
    try:
        return RolloutPlan(
            release=name,
            package=release.package,
            previous=before.name,
            previous_package=before.package,
            baseline=Baseline(successes=success.successes, episodes=success.episodes),
            cohorts=tuple(Cohort(name=cohort, robots=robots) for cohort, robots in cohorts.items()),
        )
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "cohorts"
        raise RolloutRefusedError(name, "plan", f"{where}: {first['msg']}") from error


def commit(repository: FleetRepository, plan: RolloutPlan, state: RolloutState, head: str) -> tuple[str, ...]:
    """Make the repository say what a rollout has decided; once more, it says nothing new.

    Args:
        repository: Of the fleet.
        plan: Of the rollout.
        state: How far it has come.
        head: Newest record of its journal, which each commit names.

    Returns:
        What was committed, in words.

    Raises:
        RolloutRefusedError: If the plan's release is not that of its first cohort.
        NotReleasedError: If a person has withdrawn the release, or halted a cohort.
    """
    if state.phase == "pending":
        return ()
    return tuple(_commits(repository, plan, state, head))


def _commits(repository: FleetRepository, plan: RolloutPlan, state: RolloutState, head: str) -> Iterator[str]:
    by = f"rollout {plan.release}"
    told = f" (record {head[:12]} of the rollout)"
    running = _running(repository, plan)
    for index, cohort in enumerate(plan.cohorts):
        has_it = state.phase != "stopped" and index <= state.cohort
        if has_it and cohort.name not in running:
            before = f"cohort {plan.cohorts[index - 1].name} has passed its trial" if index else "the rollout begins"
            name = promote(repository, plan.release, cohort.name, cohort.robots).name if index else plan.release
            if approve(repository, name, by, before + told).approval.by == by:  # type: ignore[union-attr]
                yield f"approved {name} for cohort {cohort.name}"
        elif state.phase == "stopped" and cohort.name in running:
            withdrawn, _ = roll_back(repository, cohort.name, by, state.why + told)
            yield f"withdrew {withdrawn.name} from cohort {cohort.name}"
        waits = state.halted is not None and state.phase == "rolling" and not has_it
        if waits or _halted_by(repository, cohort.name) == by:
            verb = "halted" if waits else "lifted the halt of"
            if halt(repository, cohort.name, by, (state.halted or "resumed") + told, lift=not waits):
                yield f"{verb} cohort {cohort.name}"


def _running(repository: FleetRepository, plan: RolloutPlan) -> dict[str, Release]:
    """Cohorts of the plan that run its package, after a look at whether the plan fits the repository."""
    with repository.read() as tree:
        release = fleet_tree.read_release(tree, plan.release, repository.url)
        first = plan.cohorts[0]
        if (release.cohort, release.package, set(release.robots)) != (first.name, plan.package, set(first.robots)):
            why = f"the repository has it for other robots, or as another package, than cohort '{first.name}'"
            raise RolloutRefusedError(plan.release, "commit", why)
        names = [cohort.name for cohort in plan.cohorts]
        found = {name: fleet_tree.read_current(tree, name, repository.url) for name in names}
    return {
        name: current
        for name, current in found.items()
        if current and current.package == plan.package and not current.withdrawn
    }


def _halted_by(repository: FleetRepository, cohort: str) -> str | None:
    with repository.read() as tree:
        halted = read_halt(tree, cohort)
    return halted.by if halted else None
