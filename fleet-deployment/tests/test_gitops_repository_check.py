"""What a fleet repository must hold: manifests that pass their schemas, releases that match their evidence."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from physai.fleet_deployment.gitops.check import SCHEMAS, RepositoryReport, check_manifest, check_repository
from physai.fleet_deployment.gitops.layout import Cluster, manifests, write_cluster
from physai.fleet_deployment.tests.conftest import Fleet
from physai.infrastructure.contracts import FleetPolicy
from physai.infrastructure.registry.signing import generate_key_pair

Packages = Callable[[float], Path]

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")

CLUSTER = Cluster(
    name="plant-1",
    repository="https://git.example/fleet.git",
    cohorts=("pilot", "night"),
    image="fleet.example/physai",
    webhook="https://hooks.example/flux",
)


@pytest.fixture
def policy(tmp_path: Path) -> FleetPolicy:
    return FleetPolicy(require_signature=True, trusted_keys={"plant": generate_key_pair(tmp_path / "k").read_text()})


def checked(fleet: Fleet, edit: Callable[[Path], object] | None = None) -> RepositoryReport:
    with fleet.repository.read() as tree:
        if edit:
            edit(tree)
        return check_repository(tree, fleet.repository.url)


def test_a_fleet_as_we_write_it_is_sound(fleet: Fleet, packages: Packages, policy: FleetPolicy) -> None:
    fleet.release(packages(0.0))

    def add(tree: Path) -> None:
        policy.write(tree / "fleet-policy.json")
        write_cluster(tree, CLUSTER, policy)

    report = checked(fleet, add)
    assert report.problems == ()
    # source, 2 cohorts, provider and alert, 3 of image automation, admission; and the ConfigMap of cohort pilot.
    assert (report.clusters, report.manifests, report.releases) == (("pilot", "plant-1"), 10, 1)


def test_every_manifest_refuses_a_field_that_nobody_knows(policy: FleetPolicy) -> None:
    for name, documents in manifests(CLUSTER, policy).items():
        for document in documents if name != "kustomization.yaml" else []:
            assert check_manifest(document) == []
            spoiled = {**document, "spec": {**document["spec"], "prunes": True}}
            assert any("prunes" in problem for problem in check_manifest(spoiled)), name
            assert check_manifest({**document, "status": {}}), name


@pytest.mark.parametrize(
    ("kind", "change", "what"),
    [
        ("Kustomization", {"prune": "always"}, "prune"),
        ("Kustomization", {"sourceRef": {"name": "fleet"}}, "sourceRef"),
        ("GitRepository", {"ref": {"branches": "main"}}, "branches"),
        ("Alert", {"eventSources": "all"}, "eventSources"),
        ("ClusterPolicy", {"rules": [{"name": "x", "verifyImage": []}]}, "verifyImage"),
    ],
)
def test_a_wrong_field_is_named(policy: FleetPolicy, kind: str, change: dict[str, Any], what: str) -> None:
    document = next(d for ds in manifests(CLUSTER, policy).values() for d in ds if d["kind"] == kind and "spec" in d)
    assert any(what in problem for problem in check_manifest({**document, "spec": {**document["spec"], **change}}))


def test_an_unknown_kind_is_refused() -> None:
    (problem,) = check_manifest({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}})
    assert "Pod x: no schema for v1. Known kinds: Alert, ClusterPolicy, ConfigMap" in problem
    assert check_manifest(["a"]) == ["not a Kubernetes object: apiVersion or kind is missing"]


def test_the_schemas_say_where_they_are_from() -> None:
    assert len(list(SCHEMAS.glob("*.json"))) == 11
    for path in SCHEMAS.glob("*.json"):
        assert "$comment" in yaml.safe_load(path.read_text()), path.name


def test_a_change_by_hand_is_found(fleet: Fleet, packages: Packages) -> None:
    release = fleet.release(packages(0.0))

    def swap_package(tree: Path) -> None:
        path = tree / "policies/pilot/release.yaml"
        path.write_text(path.read_text().replace(release.package, "sha256:" + "0" * 64))

    (problem,) = checked(fleet, swap_package).problems
    assert problem.where == "policies/pilot"
    assert "as it was decided" in problem.what

    def spoil_evidence(tree: Path) -> None:
        path = tree / "releases" / release.name / "report.json"
        path.write_text(path.read_text().replace('"successes": 19', '"successes": 20'))

    (problem,) = checked(fleet, spoil_evidence).problems
    assert problem.where == f"releases/{release.name}"


def test_a_cluster_that_does_not_build_is_named(fleet: Fleet, packages: Packages) -> None:
    fleet.release(packages(0.0))
    report = checked(fleet, lambda tree: (tree / "policies/pilot/kustomization.yaml").unlink())
    assert report.problems[0].where == "clusters/pilot"
