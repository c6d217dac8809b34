"""Releases beside one another: what a proposal changes, and the same package on the same evidence for more robots."""

from datetime import UTC, datetime

from physai.infrastructure.contracts import Contract, EvaluationReport, GateVerdict, Rate, Release, digest_bytes

from ..errors import FleetError
from ..names import check_name
from . import tree as fleet_tree
from .releases import check_release, propose
from .repository import FleetRepository


class Change(Contract):
    """One field that differs."""

    field: str
    before: str | None
    """None if nothing is in force."""
    after: str


class Comparison(Contract):
    """What a release would change in its cohort."""

    release: str
    in_force: str | None
    changes: tuple[Change, ...]


def compare(repository: FleetRepository, name: str) -> Comparison:
    """Hold a release against the one in force in its cohort.

    Raises:
        UnknownReleaseError: If there is no such release.
    """
    with repository.read() as tree:
        release = fleet_tree.read_release(tree, name, repository.url)
        current = fleet_tree.read_current(tree, release.cohort, repository.url)
        rows = [(one, fleet_tree.read_success(tree, one)) if one else None for one in (current, release)]
    facts = [_facts(*row) if row else {} for row in rows]
    changes = tuple(
        Change(field=field, before=facts[0].get(field), after=after)
        for field, after in facts[1].items()
        if facts[0].get(field) != after
    )
    return Comparison(release=name, in_force=current.name if current else None, changes=changes)


def promote(repository: FleetRepository, name: str, cohort: str, robots: tuple[str, ...]) -> Release:
    """Propose an approved release's package and evidence to another cohort.

    Raises:
        NotReleasedError: If it is not approved, or was withdrawn.
        FleetError: If no robots are named, or one twice.
    """
    if len(set(robots)) < max(len(robots), 1):
        raise FleetError(f"cohort '{cohort}': needs robots, each once (got {', '.join(robots)}). Give --robot.")
    for what, word in (("cohort", cohort), *(("robot", robot) for robot in robots)):
        check_name(what, word)
    with repository.read() as tree:
        release = fleet_tree.read_release(tree, name, repository.url)
        check_release(release, release.robots[0])
        folder = fleet_tree.folder_of(tree, name)
        report, verdict = EvaluationReport.read(folder / "report.json"), GateVerdict.read(folder / "verdict.json")
    facts = "\n".join((release.package, release.report, release.verdict, cohort, *robots))
    draft = release.model_copy(
        update={
            "name": check_name("release", f"{cohort[:24]}-from-{digest_bytes(facts.encode())[7:15]}"),
            "cohort": cohort,
            "robots": robots,
            "created_at": datetime.now(UTC),
            "approval": None,
        }
    )
    return propose(repository, draft, report, verdict)


def _facts(release: Release, success: Rate) -> dict[str, str]:
    return {
        "package": release.package,
        "evaluated success": f"{success.successes} of {success.episodes}",
        "robots": ", ".join(release.robots),
        "report": release.report,
    }
