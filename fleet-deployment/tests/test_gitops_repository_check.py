"""What a fleet repository must hold: manifests that pass their schemas, releases that match their evidence."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from physai.fleet_deployment.gitops.check import SCHEMAS, RepositoryReport, check_manifest, check_repository
from physai.fleet_deployment.gitops.cluster import Cluster
from physai.fleet_deployment.gitops.layout import manifests, write_cluster
from physai.fleet_deployment.loader.desired import MountedSource
from physai.fleet_deployment.tests.conftest import Fleet
from physai.infrastructure.contracts import FleetPolicy
from physai.infrastructure.registry.signing import generate_key_pair

Packages = Callable[[float], Path]

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")

CLUSTER = Cluster(
    name="plant-1",
    repository="https://git.example/fleet.git",
    cohorts={"pilot": ("robot-1", "robot-2"), "night": ()},
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
    # source, 2 cohorts with a namespace each, 2 runtimes, provider and alert, 3 of image automation, admission;
    # and the ConfigMap of cohort pilot.
    assert (report.clusters, report.manifests, report.releases) == (("pilot", "plant-1"), 14, 1)


def test_an_oci_source_and_the_sigstore_controller_are_as_sound(
    fleet: Fleet, packages: Packages, policy: FleetPolicy
) -> None:
    fleet.release(packages(0.0))
    other = CLUSTER.model_copy(update={"repository": "oci://fleet.example/fleet", "verifier": "sigstore"})
    report = checked(fleet, lambda tree: write_cluster(tree, other, policy))
    assert report.problems == ()
    files = manifests(other, policy)
    assert files["source.yaml"][0]["spec"]["verify"]["provider"] == "cosign"
    assert "images.yaml" not in files, "an artifact takes no commits"
    kyverno, sigstore = files["admission.yaml"]
    assert [rule["name"] for rule in kyverno["spec"]["rules"]] == ["release-names-its-package-by-digest"]
    (authority,) = sigstore["spec"]["authorities"]
    assert authority["key"]["data"] == policy.trusted_keys["plant"]
    assert "ctlog" not in authority, "so no transparency log is asked"


def test_image_automation_finds_its_mark_and_what_it_wrote_stays(tmp_path: Path, policy: FleetPolicy) -> None:
    mark = ' # {"$imagepolicy": "flux-system:runtime"}'
    path = write_cluster(tmp_path, CLUSTER, policy) / "pilot.yaml"
    lines = [line.strip() for line in path.read_text().splitlines() if "image:" in line]
    assert "&id" not in path.read_text()
    assert lines == [f"image: fleet.example/physai:1.0.0{mark}"] * 2, "one for each robot"
    path.write_text(path.read_text().replace(":1.0.0", ":1.4.2"))
    write_cluster(tmp_path, CLUSTER, policy)
    assert path.read_text().count(f"fleet.example/physai:1.4.2{mark}") == 2


def test_the_fleets_policy_reaches_robots_that_see_only_the_config_map(
    fleet: Fleet, packages: Packages, policy: FleetPolicy, tmp_path: Path
) -> None:
    asked = policy.model_copy(update={"require_signature": False})

    def write(tree: Path) -> str:
        asked.write(tree / "fleet-policy.json")
        return "Trust the plant's key"

    fleet.repository.change(write)
    fleet.release(packages(0.0))
    with fleet.repository.read() as tree:
        data = yaml.safe_load((tree / "policies/pilot/release.yaml").read_text())["data"]
    for name, content in data.items():
        (tmp_path / name).write_text(content)
    assert MountedSource(tmp_path).read("robot-1").policy == asked


def test_every_manifest_refuses_a_field_that_nobody_knows(policy: FleetPolicy) -> None:
    for name, documents in manifests(CLUSTER, policy).items():
        for document in documents if name != "kustomization.yaml" else []:
            assert check_manifest(document) == []
            spoiled = {**document, "spec": {**document.get("spec", {}), "prunes": True}}
            assert any("prunes" in problem for problem in check_manifest(spoiled)), name
            assert check_manifest({**document, "status": {}}), name


@pytest.mark.parametrize(
    ("kind", "change", "what"),
    [
        ("Kustomization", {"prune": "always"}, "prune"),
        ("Kustomization", {"sourceRef": {"name": "fleet"}}, "sourceRef"),
        ("Deployment", {"replica": 2}, "replica"),
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
    assert "Pod x: no schema for v1. Known kinds: Alert, ClusterImagePolicy, ClusterPolicy, ConfigMap" in problem
    assert check_manifest(["a"]) == ["not a Kubernetes object: apiVersion or kind is missing"]


def test_the_schemas_say_where_they_are_from() -> None:
    assert len(list(SCHEMAS.glob("*.json"))) == 13
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
