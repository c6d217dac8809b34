"""Release a package: check the evidence, push the bytes, register the candidate, propose it to a cohort."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from physai.infrastructure.contracts import (
    Digest,
    EvaluationReport,
    GateVerdict,
    PolicyPackage,
    Release,
    Window,
    digest_bytes,
)
from physai.infrastructure.registry import Registry, manifest_digest
from physai.infrastructure.registry.signing import verify

from .errors import FleetError
from .gating.evidence import check_evidence
from .gitops.policy import check_robots, read_policy
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
    windows: Sequence[Window] = (),
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
        windows: When they may switch to it; none for any time.
        registry: Where the package is pushed.
        repository: Where the release is committed.
        register: Called once the package is pushed.
        name: Of the release; by default made from cohort, package and a digest of all that it states.

    Raises:
        EvidenceError: If the evidence does not speak for exactly this package.
        SignatureError: If the fleet requires a signature, and no trusted key has signed it.
        MisfitError: If it was not made for a robot that the fleet describes.
    """
    check_name("cohort", cohort)
    for robot in robots:
        check_name("robot", robot)
    if len(set(robots)) < max(len(robots), 1):
        raise FleetError(f"cohort '{cohort}': needs robots, each once (got {', '.join(robots)}). Give --robot.")
    digest = manifest_digest(package)
    evidence = check_evidence(digest, report, verdict)
    contract = PolicyPackage.read(package / "package.json")
    _check_policy(repository, registry, digest, contract, tuple(robots))
    draft = draft_release(digest, *evidence, cohort=cohort, robots=robots, windows=windows, name=name, of=contract)
    registry.push(package, tag=draft.name)  # a tag keeps registries from collecting it as garbage
    if register:
        register(contract, digest)
    return propose(repository, draft, *evidence)


def _check_policy(
    repository: FleetRepository, registry: Registry, digest: Digest, package: PolicyPackage, robots: tuple[str, ...]
) -> None:
    """Refuse a package that the fleet's own policy refuses: unsigned, or made for other robots."""
    if repository.is_new:
        return
    with repository.read() as tree:
        policy = read_policy(tree)
        check_robots(tree, package, robots, policy)
    if policy.require_signature:
        verify(registry, digest, policy.trusted_keys.values())


def draft_release(
    package: Digest,
    report: EvaluationReport,
    verdict: GateVerdict,
    *,
    cohort: str,
    robots: Sequence[str],
    windows: Sequence[Window] = (),
    name: str | None,
    of: PolicyPackage,
) -> Release:
    """The release that these facts make, not approved."""
    facts = "\n".join(
        (package, report.digest, verdict.digest, cohort, *robots, *(window.model_dump_json() for window in windows))
    )
    named = name or f"{cohort[:24]}-{slug(of.name)}-{digest_bytes(facts.encode())[7:15]}"
    return Release(
        name=check_name("release", named),
        package=package,
        report=report.digest,
        verdict=verdict.digest,
        cohort=cohort,
        robots=tuple(robots),
        windows=tuple(windows),
        created_at=datetime.now(UTC),
    )
