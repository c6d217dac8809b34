"""Releases: proposed with evidence, approved, superseded, taken back."""

import json
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from physai.fleet_deployment.errors import (
    BadNameError,
    EvidenceError,
    FleetError,
    NotReleasedError,
    ReleaseConflictError,
    RepositoryError,
    UnknownReleaseError,
)
from physai.fleet_deployment.gitops.releases import approve, is_in_force, roll_back, status
from physai.fleet_deployment.publish import create_release
from physai.fleet_deployment.tests.conftest import Fleet
from physai.fleet_deployment.tests.fleet_evidence import write_evidence
from physai.infrastructure.contracts import EvaluationReport, GateVerdict, Release
from physai.infrastructure.registry import manifest_digest

KUBECTL = shutil.which("kubectl")
Packages = Callable[[float], Path]


def commits(fleet: Fleet) -> list[str]:
    command = ["git", "log", "--format=%s", "main"]
    return subprocess.run(
        command, cwd=fleet.repository.url, check=True, capture_output=True, text=True
    ).stdout.splitlines()


def stages(fleet: Fleet) -> dict[str, str]:
    return {line.release.name: line.stage for line in status(fleet.repository).releases}


def test_a_proposal_is_one_commit_with_its_evidence(fleet: Fleet, packages: Packages) -> None:
    release = fleet.propose(packages(0.0), robots=("robot-1", "robot-2"))
    assert release.package == manifest_digest(packages(0.0))
    assert fleet.registry.tags() == {release.name: release.package}
    assert commits(fleet) == [f"Propose release {release.name} to cohort pilot"]
    with fleet.repository.read() as tree:
        folder = tree / "releases" / release.name
        assert Release.read(folder / "release.json") == release
        assert EvaluationReport.read(folder / "report.json").digest == release.report
        assert GateVerdict.read(folder / "verdict.json").digest == release.verdict
        assert not (tree / "policies").exists(), "nothing is in force before it is approved"


def test_the_message_names_every_digest(fleet: Fleet, packages: Packages) -> None:
    release = fleet.propose(packages(0.0))
    command = ["git", "log", "-1", "--format=%(trailers:only,unfold)", "main"]
    trailers = subprocess.run(command, cwd=fleet.repository.url, check=True, capture_output=True, text=True).stdout
    assert dict(line.split(": ", 1) for line in trailers.strip().splitlines()) == {
        "Package": release.package,
        "Report": release.report,
        "Verdict": release.verdict,
        "Robots": "robot-1",
    }


def test_the_same_inputs_give_the_same_release_and_no_commit(fleet: Fleet, packages: Packages) -> None:
    first = fleet.release(packages(0.0))
    assert fleet.propose(packages(0.0)) == first
    assert fleet.release(packages(0.0)) == first
    assert len(commits(fleet)) == 2


def test_a_name_never_stands_for_two_things(fleet: Fleet, packages: Packages) -> None:
    fleet.propose(packages(0.0), name="spring")
    with pytest.raises(ReleaseConflictError, match="release 'spring': is there with another package, report, verdict"):
        fleet.propose(packages(0.1), name="spring")
    with pytest.raises(ReleaseConflictError, match="another robots"):
        fleet.propose(packages(0.0), name="spring", robots=("robot-9",))


@pytest.mark.parametrize("verdict", ["FAIL", "INCONCLUSIVE"])
def test_without_a_pass_nothing_is_pushed_or_committed(fleet: Fleet, packages: Packages, verdict: str) -> None:
    evidence = write_evidence(fleet.root, manifest_digest(packages(0.0)), verdict=verdict)  # type: ignore[arg-type]
    with pytest.raises(EvidenceError, match=verdict):
        create_release(
            packages(0.0),
            *evidence,
            cohort="pilot",
            robots=["robot-1"],
            registry=fleet.registry,
            repository=fleet.repository,
        )
    assert list(fleet.root.glob("*.git")) + list(fleet.root.glob("registry")) == []


@pytest.mark.parametrize(
    ("cohort", "robots", "error"),
    [
        ("Pilot", ["robot-1"], BadNameError),
        ("a/b", ["robot-1"], BadNameError),
        ("pilot", ["../robot"], BadNameError),
        ("pilot", [], FleetError),
        ("pilot", ["robot-1", "robot-1"], FleetError),
    ],
)
def test_names_must_be_usable_everywhere(
    fleet: Fleet, packages: Packages, cohort: str, robots: list[str], error: type[FleetError]
) -> None:
    evidence = write_evidence(fleet.root, manifest_digest(packages(0.0)))
    with pytest.raises(error):
        create_release(
            packages(0.0),
            *evidence,
            cohort=cohort,
            robots=robots,
            registry=fleet.registry,
            repository=fleet.repository,
        )


def test_approval_puts_a_release_in_force_and_supersedes_the_one_before(fleet: Fleet, packages: Packages) -> None:
    first = fleet.release(packages(0.0))
    second = fleet.propose(packages(0.1))
    assert stages(fleet) == {first.name: "active", second.name: "proposed"}
    approved = approve(fleet.repository, second.name, "anna", "looks good")
    assert approved.approval is not None
    assert (approved.approval.by, approved.approval.reason) == ("anna", "looks good")
    assert stages(fleet) == {first.name: "superseded", second.name: "active"}
    assert is_in_force(fleet.repository, approved)
    assert not is_in_force(fleet.repository, first)


def test_approving_again_keeps_the_first_approval(fleet: Fleet, packages: Packages) -> None:
    release = fleet.release(packages(0.0))
    assert approve(fleet.repository, release.name, "somebody else", "later") == release


def test_an_unknown_release_names_those_there_are(fleet: Fleet, packages: Packages) -> None:
    release = fleet.propose(packages(0.0))
    with pytest.raises(UnknownReleaseError, match=f"no release 'spring'. Known: {release.name}"):
        approve(fleet.repository, "spring", "gate", "PASS")


def test_a_rollback_returns_to_what_was_approved_before(fleet: Fleet, packages: Packages) -> None:
    first, second, third = (fleet.release(packages(shift)) for shift in (0.0, 0.1, 0.2))
    withdrawn, before = roll_back(fleet.repository, "pilot", "anna", "overshoots")
    assert (withdrawn.name, before) == (third.name, second)
    assert fleet.find("robot-1") == second
    assert roll_back(fleet.repository, "pilot", "anna", "this one too")[1] == first
    assert stages(fleet) == {first.name: "active", second.name: "withdrawn", third.name: "withdrawn"}
    with pytest.raises(NotReleasedError, match=r"was withdrawn by anna \(overshoots\)"):
        fleet.find("robot-1", third.name)
    with pytest.raises(NotReleasedError, match="Create a new release"):
        approve(fleet.repository, third.name, "gate", "PASS")


def test_rolling_back_the_only_release_leaves_none_to_run(fleet: Fleet, packages: Packages) -> None:
    release = fleet.release(packages(0.0))
    assert roll_back(fleet.repository, "pilot", "anna", "falls")[1] is None
    with pytest.raises(NotReleasedError, match=f"{release.name}: was withdrawn"):
        fleet.find("robot-1")
    with pytest.raises(NotReleasedError, match="no release is in force"):
        roll_back(fleet.repository, "pilot", "anna", "again")


def test_a_robot_runs_only_what_is_approved_and_meant_for_it(fleet: Fleet, packages: Packages) -> None:
    proposed = fleet.propose(packages(0.0))
    with pytest.raises(NotReleasedError, match="no approved release names it"):
        fleet.find("robot-1")
    with pytest.raises(NotReleasedError, match="is not approved"):
        fleet.find("robot-1", proposed.name)
    approved = approve(fleet.repository, proposed.name, "gate", "PASS")
    assert fleet.find("robot-1") == approved
    with pytest.raises(NotReleasedError, match="is for robot-1, not for robot-7"):
        fleet.find("robot-7", proposed.name)


def test_a_robot_in_two_cohorts_runs_the_newest_approval(fleet: Fleet, packages: Packages) -> None:
    fleet.release(packages(0.0), cohort="pilot")
    newer = fleet.release(packages(0.1), cohort="night")
    assert fleet.find("robot-1") == newer


def test_cohorts_release_at_the_same_time_without_losing_one(fleet: Fleet, packages: Packages) -> None:
    package = packages(0.0)
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda i: fleet.release(package, cohort=f"cohort-{i}"), range(6)))
    assert stages(fleet) == {release.name: "active" for release in found}


@pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")
def test_kustomize_builds_the_cluster_and_finds_the_digest(fleet: Fleet, packages: Packages) -> None:
    release = fleet.release(packages(0.0), cohort="1234")  # a name that YAML could take for a number
    assert KUBECTL is not None
    with fleet.repository.read() as tree:
        command = [KUBECTL, "kustomize", str(tree / "clusters/1234")]
        built = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    manifest = yaml.safe_load(built)
    assert manifest["kind"] == "ConfigMap"
    assert manifest["metadata"]["annotations"]["physai.dev/package"] == release.package
    assert manifest["metadata"]["labels"]["physai.dev/cohort"] == "1234"
    assert Release.model_validate_json(manifest["data"]["release.json"]) == release


def test_an_operators_own_kustomization_is_kept(fleet: Fleet, packages: Packages) -> None:
    fleet.release(packages(0.0))
    own = "resources:\n- ../../policies/pilot\nnamespace: robots\n"

    def patch(tree: Path) -> str | None:
        (tree / "clusters/pilot/kustomization.yaml").write_text(own)
        return "Put policies into the namespace robots"

    fleet.repository.change(patch)
    fleet.release(packages(0.1))
    with fleet.repository.read() as tree:
        assert (tree / "clusters/pilot/kustomization.yaml").read_text() == own


@pytest.mark.parametrize("content", ["", "data: 3", "data: {release.json: '{}'}", "a: [b", json.dumps({"data": {}})])
def test_a_manifest_broken_by_hand_is_named(fleet: Fleet, packages: Packages, content: str) -> None:
    fleet.release(packages(0.0))

    def spoil(tree: Path) -> str | None:
        (tree / "policies/pilot/release.yaml").write_text(content)
        return "Spoil"

    fleet.repository.change(spoil)
    with pytest.raises(RepositoryError, match=r"policies/pilot/release\.yaml holds no release"):
        fleet.find("robot-1")
