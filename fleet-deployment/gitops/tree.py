"""What lies where in the fleet's repository, and how it is written.

clusters/<cohort>/kustomization.yaml   what Flux, or `kubectl apply -k`, is pointed at
policies/<cohort>/release.yaml         the release in force there, as a ConfigMap; only ever an approved one
releases/<name>/release.json           every release ever proposed, with report.json and verdict.json beside it
"""

import textwrap
from pathlib import Path

import yaml

from physai.infrastructure.contracts import Document, EvaluationReport, GateVerdict, Rate, Release

from ..errors import EvidenceError, RepositoryError, UnknownReleaseError

KUSTOMIZATION = """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
- {resource}
"""

CONFIG_MAP = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: policy-release
  labels:
    physai.dev/cohort: "{cohort}"
    physai.dev/release: "{name}"
  annotations:
    physai.dev/package: {package}
    physai.dev/report: {report}
    physai.dev/verdict: {verdict}
data:
  release.json: |
{content}
  {file}: |
{success}
"""

POLICY_DATA = """\
  {file}: |
{content}
"""

POLICY_FILE = "fleet-policy.json"
SUCCESS_FILE = "success.json"
"""Success of the release's own evaluation, beside it in the ConfigMap: what a robot's trial compares with."""


def folder_of(tree: Path, name: str) -> Path:
    """Where a release and its evidence lie."""
    return tree / "releases" / name


def read_release(tree: Path, name: str, url: str) -> Release:
    """One release by name.

    Raises:
        UnknownReleaseError: If there is none of that name.
    """
    path = folder_of(tree, name) / "release.json"
    if not path.is_file():
        raise UnknownReleaseError(url, name, tuple(release.name for release in read_releases(tree)))
    return Release.read(path)


def read_releases(tree: Path) -> list[Release]:
    """Every release, oldest first."""
    found = [Release.read(path) for path in sorted((tree / "releases").glob("*/release.json"))]
    return sorted(found, key=lambda release: release.created_at)


def read_current(tree: Path, cohort: str, url: str) -> Release | None:
    """The release in force in a cohort, if any."""
    path = tree / "policies" / cohort / "release.yaml"
    if not path.is_file():
        return None
    try:
        content = yaml.safe_load(path.read_text())["data"]["release.json"]
        return Release.model_validate_json(content)
    except (yaml.YAMLError, ValueError, KeyError, TypeError) as error:
        first = str(error).partition("\n")[0]
        raise RepositoryError(url, f"policies/{cohort}/release.yaml holds no release", first) from error


def read_cohorts(tree: Path) -> list[str]:
    """Cohorts that have a release in force."""
    return sorted(path.parent.name for path in (tree / "policies").glob("*/release.yaml"))


def write_release(tree: Path, release: Release) -> None:
    """Write a release under its name."""
    release.write(folder_of(tree, release.name) / "release.json")


def read_success(tree: Path, release: Release) -> Rate:
    """The success of a release in its own evaluation, as the evidence beside it says.

    Raises:
        EvidenceError: If the evidence is of another package.
    """
    folder = folder_of(tree, release.name)
    verdict = GateVerdict.read(folder / "verdict.json")
    result = EvaluationReport.read(folder / "report.json").result(verdict.role)
    if result is None or result.package != release.package:
        raise EvidenceError(folder / "report.json", "does not speak for the released package", "Release it again")
    return result.success


def write_evidence(tree: Path, name: str, report: EvaluationReport, verdict: GateVerdict) -> None:
    """Lay the evidence beside a release."""
    documents: dict[str, Document] = {"report.json": report, "verdict.json": verdict}
    for file, document in documents.items():
        document.write(folder_of(tree, name) / file)


def write_current(tree: Path, release: Release) -> None:
    """Put a release in force in its cohort."""
    cohort = release.cohort
    policies = tree / "policies" / cohort
    clusters = tree / "clusters" / cohort
    for folder in (policies, clusters):
        folder.mkdir(parents=True, exist_ok=True)
    content = textwrap.indent(release.model_dump_json(indent=2), "    ")
    success = textwrap.indent(read_success(tree, release).model_dump_json(indent=2), "    ")
    fields = release.model_dump(include={"cohort", "name", "package", "report", "verdict"})
    text = CONFIG_MAP.format(content=content, file=SUCCESS_FILE, success=success, **fields)
    if (policy := tree / POLICY_FILE).exists():  # what robots that see only the ConfigMap ask of a package
        text += POLICY_DATA.format(file=POLICY_FILE, content=textwrap.indent(policy.read_text().strip(), "    "))
    (policies / "release.yaml").write_text(text)
    (policies / "kustomization.yaml").write_text(KUSTOMIZATION.format(resource="release.yaml"))
    cluster = clusters / "kustomization.yaml"
    if not cluster.exists():  # the operator's from then on: patches and further resources are kept
        cluster.write_text(KUSTOMIZATION.format(resource=f"../../policies/{cohort}"))
