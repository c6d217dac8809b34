"""Release a package: check the evidence, push the bytes, register the candidate, propose it to a cohort."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from physai.infrastructure.contracts import Digest, EvaluationReport, GateVerdict, PolicyPackage, Release, digest_bytes
from physai.infrastructure.registry import Registry, manifest_digest

from .errors import FleetError
from .gating.evidence import check_evidence
from .gitops.releases import propose
from .gitops.repository import FleetRepository
from .names import check_name, slug

type Mark = Callable[[PolicyPackage, Digest], object]
"""Enters a package in the model registry."""


def create_release(
    package: Path,
    report: Path,
    verdict: Path,
    *,
    cohort: str,
    robots: Sequence[str],
    registry: Registry,
    repository: FleetRepository,
    register: Mark | None = None,
    name: str | None = None,
) -> Release:
    """Propose a package to a cohort; the same inputs give the same release, and nothing new.

    Args:
        package: Folder of the policy package.
        report: The evaluation report that speaks for it.
        verdict: The gate's verdict on that report.
        cohort: Who is to run it.
        robots: Members of the cohort, at least one.
        registry: Where the package is pushed.
        repository: Where the release is committed.
        register: Called once the package is pushed.
        name: Of the release; by default made from cohort, package and a digest of all that it states.

    Raises:
        EvidenceError: If the evidence does not speak for exactly this package.
    """
    check_name("cohort", cohort)
    for robot in robots:
        check_name("robot", robot)
    if len(set(robots)) < max(len(robots), 1):
        raise FleetError(f"cohort '{cohort}': needs robots, each once (got {', '.join(robots)}). Give --robot.")
    digest = manifest_digest(package)
    evidence = check_evidence(digest, report, verdict)
    contract = PolicyPackage.read(package / "package.json")
    draft = draft_release(digest, *evidence, cohort=cohort, robots=robots, name=name, of=contract)
    registry.push(package, tag=draft.name)  # a tag keeps registries from collecting it as garbage
    if register:
        register(contract, digest)
    return propose(repository, draft, *evidence)


def draft_release(
    package: Digest,
    report: EvaluationReport,
    verdict: GateVerdict,
    *,
    cohort: str,
    robots: Sequence[str],
    name: str | None,
    of: PolicyPackage,
) -> Release:
    """The release that these facts make, not approved."""
    facts = "\n".join((package, report.digest, verdict.digest, cohort, *robots))
    named = name or f"{cohort[:24]}-{slug(of.name)}-{digest_bytes(facts.encode())[7:15]}"
    return Release(
        name=check_name("release", named),
        package=package,
        report=report.digest,
        verdict=verdict.digest,
        cohort=cohort,
        robots=tuple(robots),
        created_at=datetime.now(UTC),
    )
