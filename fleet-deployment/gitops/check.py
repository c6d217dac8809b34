"""Whether a fleet repository is sound: manifests build and pass their schemas, releases match their evidence."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from physai.infrastructure.contracts import Contract, Robot
from physai.infrastructure.errors import PhysaiError

from ..errors import FleetError
from ..gating.evidence import check_evidence
from . import tree as fleet_tree
from .policy import read_policy

SCHEMAS = Path(__file__).parent / "schemas"


class Problem(Contract):
    """Something that is not as it must be."""

    where: str
    what: str


class RepositoryReport(Contract):
    """What a check has looked at, and found."""

    repository: str
    clusters: tuple[str, ...]
    manifests: int
    releases: int
    problems: tuple[Problem, ...]


def check_repository(tree: Path, url: str) -> RepositoryReport:
    """Check everything in a checked-out fleet repository.

    Raises:
        FleetError: If `kubectl`, which builds the clusters' folders, is not installed.
    """
    folders = sorted(path.parent for path in tree.glob("clusters/*/kustomization.yaml"))
    manifests: list[tuple[str, Any]] = []
    problems: list[Problem] = []
    for folder in folders:
        built = _build(folder)
        where = folder.relative_to(tree).as_posix()
        if built.returncode:
            problems.append(Problem(where=where, what=" ".join(built.stderr.split())[:300]))
        else:
            manifests += [(where, document) for document in yaml.safe_load_all(built.stdout) if document]
    for where, document in manifests:
        problems += [Problem(where=where, what=what) for what in check_manifest(document)]
    problems += _documents(tree, url)
    return RepositoryReport(
        repository=url,
        clusters=tuple(folder.name for folder in folders),
        manifests=len(manifests),
        releases=len(list(tree.glob("releases/*/release.json"))),
        problems=tuple(problems),
    )


def check_manifest(document: Any) -> list[str]:
    """What is wrong with one Kubernetes object; unknown fields are."""
    from jsonschema import Draft202012Validator

    if not isinstance(document, dict) or not {"apiVersion", "kind"} <= set(document):
        return ["not a Kubernetes object: apiVersion or kind is missing"]
    name = f"{document['kind']} {(document.get('metadata') or {}).get('name', '?')}"
    path = SCHEMAS / f"{str(document['apiVersion']).replace('/', '_')}_{document['kind']}.json"
    if not path.exists():
        known = ", ".join(sorted({schema.stem.rpartition("_")[2] for schema in SCHEMAS.glob("*.json")}))
        return [f"{name}: no schema for {document['apiVersion']}. Known kinds: {known}"]
    validator = Draft202012Validator(json.loads(path.read_text()))
    errors = sorted(validator.iter_errors(document), key=lambda error: [str(part) for part in error.absolute_path])
    return [f"{name}: {'.'.join(map(str, error.absolute_path)) or 'it'}: {error.message[:200]}" for error in errors]


def _build(folder: Path) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise FleetError("kubectl: not found. Install it; it builds what Flux would apply.") from error


def _documents(tree: Path, url: str) -> Iterator[Problem]:
    """What is wrong with releases, robots and the fleet's policy."""
    for path in [tree, *sorted(tree.glob("robots/*.json")), *sorted(tree.glob("releases/*")), *_cohorts(tree)]:
        try:
            _check(tree, path, url)
        except PhysaiError as error:
            yield Problem(where=path.relative_to(tree).as_posix(), what=str(error).replace(f"{tree}/", ""))


def _cohorts(tree: Path) -> list[Path]:
    return [tree / "policies" / cohort for cohort in fleet_tree.read_cohorts(tree)]


def _check(tree: Path, path: Path, url: str) -> None:
    if path == tree:
        read_policy(tree)
    elif path.parent.name == "robots":
        Robot.read(path)
    elif path.parent.name == "releases":
        release = fleet_tree.read_release(tree, path.name, url)
        report, verdict = check_evidence(release.package, path / "report.json", path / "verdict.json")
        if (report.digest, verdict.digest) != (release.report, release.verdict):
            raise FleetError(f"{path}: its evidence is not that of the release. Restore the commit that proposed it.")
    else:
        current = fleet_tree.read_current(tree, path.name, url)
        assert current is not None, "listed because it is there"
        if current != fleet_tree.read_release(tree, current.name, url):
            raise FleetError(f"{path}: is not release '{current.name}' as it was decided. Decide it by a command.")
