"""Releases over their life: proposed with evidence, in force, superseded, withdrawn. Each step is one commit."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from physai.infrastructure.contracts import Approval, Contract, Digest, EvaluationReport, GateVerdict, Release

from ..errors import NotReleasedError, ReleaseConflictError
from . import tree as fleet_tree
from .halts import check_not_halted
from .repository import FleetRepository

FACTS = ("package", "report", "verdict", "cohort", "robots", "windows")  # what makes two releases the same

type Stage = Literal["proposed", "active", "superseded", "withdrawn"]


class ReleaseStatus(Contract):
    """One release, and where it stands."""

    release: Release
    stage: Stage


class FleetStatus(Contract):
    """Every release of a fleet, oldest first."""

    repository: str
    releases: tuple[ReleaseStatus, ...]


def propose(repository: FleetRepository, draft: Release, report: EvaluationReport, verdict: GateVerdict) -> Release:
    """Commit a release that is not approved yet, its evidence beside it.

    Returns:
        The release in the repository: the one that is there already if it states the same facts.

    Raises:
        ReleaseConflictError: If that name states other facts.
    """

    def edit(tree: Path) -> tuple[Release, str | None]:
        if (fleet_tree.folder_of(tree, draft.name) / "release.json").exists():
            there = fleet_tree.read_release(tree, draft.name, repository.url)
            if different := tuple(name for name in FACTS if getattr(there, name) != getattr(draft, name)):
                raise ReleaseConflictError(draft.name, different)
            return there, None
        fleet_tree.write_release(tree, draft)
        fleet_tree.write_evidence(tree, draft.name, report, verdict)
        return draft, _message(f"Propose release {draft.name} to cohort {draft.cohort}", draft)

    return _change(repository, edit)


def approve(repository: FleetRepository, name: str, by: str, reason: str) -> Release:
    """Approve a release and put it in force in its cohort; approving it again changes nothing.

    Raises:
        UnknownReleaseError: If there is no such release.
        NotReleasedError: If it was withdrawn.
    """
    approval = Approval(by=by, at=datetime.now(UTC), reason=reason)

    def edit(tree: Path) -> tuple[Release, str | None]:
        release = fleet_tree.read_release(tree, name, repository.url)
        if release.withdrawn:
            raise NotReleasedError(name, _taken_back(release), "Create a new release")
        if release.approval:
            return release, None
        check_not_halted(tree, release.cohort)
        approved = release.model_copy(update={"approval": approval})
        fleet_tree.write_release(tree, approved)
        fleet_tree.write_current(tree, approved)
        return approved, _message(f"Approve release {name} for cohort {approved.cohort}", approved, approval)

    return _change(repository, edit)


def roll_back(repository: FleetRepository, cohort: str, by: str, reason: str) -> tuple[Release, Release | None]:
    """Withdraw what is in force in a cohort and return to the release approved before it.

    Returns:
        The release withdrawn, and the one in force now; None if there was none before.

    Raises:
        NotReleasedError: If nothing is in force.
    """
    withdrawal = Approval(by=by, at=datetime.now(UTC), reason=reason)

    def edit(tree: Path) -> tuple[tuple[Release, Release | None], str | None]:
        current = fleet_tree.read_current(tree, cohort, repository.url)
        if current is None or current.withdrawn:
            raise NotReleasedError(f"cohort '{cohort}'", "no release is in force", "Approve one first")
        withdrawn = current.model_copy(update={"withdrawn": withdrawal})
        fleet_tree.write_release(tree, withdrawn)
        before = _approved_before(tree, current)
        fleet_tree.write_current(tree, before or withdrawn)
        instead = f"return to {before.name}" if before else "nothing takes its place"
        return (withdrawn, before), _message(f"Withdraw release {current.name}, {instead}", withdrawn, withdrawal)

    return _change(repository, edit)


def status(repository: FleetRepository) -> FleetStatus:
    """Every release and where it stands."""
    with repository.read() as tree:
        current = {fleet_tree.read_current(tree, cohort, repository.url) for cohort in fleet_tree.read_cohorts(tree)}
        names = {release.name for release in current if release}
        found = fleet_tree.read_releases(tree)
    listed = tuple(ReleaseStatus(release=release, stage=_stage(release, release.name in names)) for release in found)
    return FleetStatus(repository=repository.url, releases=listed)


def is_in_force(repository: FleetRepository, release: Release) -> bool:
    """Whether a release is what its cohort is to run now."""
    with repository.read() as tree:
        current = fleet_tree.read_current(tree, release.cohort, repository.url)
    return current is not None and current.name == release.name and current.withdrawn is None


def find_in(tree: Path, url: str, robot: str, name: str | None = None) -> Release:
    """The release a robot is to run: the one named, or the newest in force in a cohort that it belongs to.

    Raises:
        NotReleasedError: If there is none, or it is not approved, withdrawn, or not meant for this robot.
    """
    if name is not None:
        return check_release(fleet_tree.read_release(tree, name, url), robot)
    current = [fleet_tree.read_current(tree, cohort, url) for cohort in fleet_tree.read_cohorts(tree)]
    meant = [(release.approval.at, release) for release in current if release and release.approval]
    mine = [pair for pair in meant if robot in pair[1].robots]
    if not mine:
        raise NotReleasedError(robot, f"no approved release names it in {url}", "Create and approve one")
    return check_release(max(mine, key=lambda pair: pair[0])[1], robot)


def check_release(release: Release, robot: str) -> Release:
    """The release itself, if this robot may run it.

    Raises:
        NotReleasedError: If it may not.
    """
    if release.approval is None:
        raise NotReleasedError(release.name, "is not approved", "Run `physai fleet-deployment release approve`")
    if release.withdrawn:
        raise NotReleasedError(release.name, _taken_back(release), "Approve another release")
    if robot not in release.robots:
        raise NotReleasedError(
            release.name, f"is for {', '.join(release.robots)}, not for {robot}", "Choose one of them"
        )
    return release


def _approved_before(tree: Path, current: Release) -> Release | None:
    """The newest approved release of the same cohort that was not withdrawn."""
    others = [
        (release.approval.at, release)
        for release in fleet_tree.read_releases(tree)
        if release.cohort == current.cohort
        and release.approval
        and not release.withdrawn
        and release.name != current.name
    ]
    return max(others, key=lambda pair: pair[0])[1] if others else None


def _stage(release: Release, in_force: bool) -> Stage:
    if release.withdrawn:
        return "withdrawn"
    if release.approval is None:
        return "proposed"
    return "active" if in_force else "superseded"


def _taken_back(release: Release) -> str:
    assert release.withdrawn is not None
    return f"was withdrawn by {release.withdrawn.by} ({release.withdrawn.reason})"


def _message(subject: str, release: Release, decision: Approval | None = None) -> str:
    trailers: dict[str, str | Digest] = {
        "Package": release.package,
        "Report": release.report,
        "Verdict": release.verdict,
        "Robots": ", ".join(release.robots),
    }
    if decision:
        trailers |= {"Decided-by": decision.by, "Reason": " ".join(decision.reason.split())}
    return f"{subject}\n\n" + "".join(f"{name}: {value}\n" for name, value in trailers.items())


def _change[T](repository: FleetRepository, edit: Callable[[Path], tuple[T, str | None]]) -> T:
    """Commit an edit that also has a result: that of the attempt which was pushed."""
    results: list[T] = []

    def attempt(tree: Path) -> str | None:
        result, message = edit(tree)
        results.append(result)
        return message

    repository.change(attempt)
    return results[-1]
