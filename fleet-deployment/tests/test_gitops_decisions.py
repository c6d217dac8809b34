"""Beyond approve and roll back: what the fleet's policy refuses, halts, comparisons, promotion."""

from collections.abc import Callable
from pathlib import Path

import pytest

from physai.fleet_deployment.errors import FleetError, NotReleasedError
from physai.fleet_deployment.gitops.compare import compare, promote
from physai.fleet_deployment.gitops.halts import check_not_halted, halt, halt_file
from physai.fleet_deployment.gitops.releases import approve
from physai.fleet_deployment.tests.conftest import Fleet
from physai.fleet_deployment.tests.test_loader import require_signature
from physai.infrastructure.contracts import FleetPolicy, Robot
from physai.infrastructure.fit import MisfitError
from physai.infrastructure.registry.signing import SignatureError, generate_key_pair, sign
from physai.infrastructure.robots import load_robot

Packages = Callable[[float], Path]


def describe(fleet: Fleet, robot: str, description: Robot) -> None:
    def edit(tree: Path) -> str:
        (tree / "robots").mkdir(exist_ok=True)
        description.write(tree / "robots" / f"{robot}.json")
        FleetPolicy(require_description=True).write(tree / "fleet-policy.json")
        return f"Describe {robot}"

    fleet.repository.change(edit)


def test_an_unsigned_package_is_not_even_proposed(fleet: Fleet, packages: Packages, tmp_path: Path) -> None:
    require_signature(fleet, generate_key_pair(tmp_path / "ours"))
    with pytest.raises(SignatureError, match="is not signed"):
        fleet.propose(packages(0.0))
    digest = fleet.registry.push(packages(0.0))
    sign(fleet.registry, digest, tmp_path / "ours/cosign.key")
    assert fleet.propose(packages(0.0)).package == digest


def test_a_package_for_another_robot_is_not_even_proposed(fleet: Fleet, packages: Packages) -> None:
    ur10 = load_robot("ur10")
    describe(fleet, "robot-1", ur10)
    assert fleet.propose(packages(0.0)).robots == ("robot-1",)
    with pytest.raises(NotReleasedError, match=r"robot-2: is not described in robots/robot-2\.json"):
        fleet.propose(packages(0.0), robots=("robot-1", "robot-2"))
    describe(fleet, "robot-2", ur10.model_copy(update={"name": "ur5e"}))
    with pytest.raises(MisfitError, match="its robot is ur10, the robot's is ur5e"):
        fleet.propose(packages(0.0), robots=("robot-2",))
    describe(fleet, "robot-3", ur10.model_copy(update={"joints": ur10.joints[::-1]}))
    with pytest.raises(MisfitError, match="its joints is"):
        fleet.propose(packages(0.0), robots=("robot-3",))


def test_a_halt_that_cannot_be_read_lets_nothing_through(tmp_path: Path) -> None:
    halt_file(tmp_path, "pilot").parent.mkdir(parents=True)
    halt_file(tmp_path, "pilot").write_text("{")
    with pytest.raises(NotReleasedError, match=r"cohort 'pilot': its halt\.json cannot be read"):
        check_not_halted(tmp_path, "pilot")


def test_a_halted_cohort_keeps_what_it_has(fleet: Fleet, packages: Packages) -> None:
    first = fleet.release(packages(0.0))
    second = fleet.propose(packages(0.1))
    assert halt(fleet.repository, "pilot", "anna", "audit")
    assert not halt(fleet.repository, "pilot", "anna", "audit")
    with pytest.raises(NotReleasedError, match=r"cohort 'pilot': was halted by anna \(audit\)"):
        approve(fleet.repository, second.name, "gate", "PASS")
    assert fleet.find("robot-1") == first
    assert halt(fleet.repository, "pilot", "anna", "done", lift=True)
    assert approve(fleet.repository, second.name, "gate", "PASS").approval is not None


def test_a_proposal_is_held_against_what_is_in_force(fleet: Fleet, packages: Packages) -> None:
    alone = fleet.propose(packages(0.0))
    found = compare(fleet.repository, alone.name)
    assert found.in_force is None
    assert {change.field: change.before for change in found.changes}["package"] is None
    approve(fleet.repository, alone.name, "gate", "PASS")
    other = fleet.propose(packages(0.1))
    changes = {change.field: (change.before, change.after) for change in compare(fleet.repository, other.name).changes}
    assert changes["package"] == (alone.package, other.package)
    assert "evaluated success" not in changes, "19 of 20 both"
    assert "robots" not in changes


def test_a_promotion_takes_package_and_evidence_along_but_not_the_approval(fleet: Fleet, packages: Packages) -> None:
    pilot = fleet.propose(packages(0.0))
    with pytest.raises(NotReleasedError, match="is not approved"):
        promote(fleet.repository, pilot.name, "plant", ("robot-2",))
    approve(fleet.repository, pilot.name, "gate", "PASS")
    promoted = promote(fleet.repository, pilot.name, "plant", ("robot-2", "robot-3"))
    assert (promoted.package, promoted.report, promoted.verdict) == (pilot.package, pilot.report, pilot.verdict)
    assert promoted.approval is None
    assert promote(fleet.repository, pilot.name, "plant", ("robot-2", "robot-3")) == promoted
    approve(fleet.repository, promoted.name, "anna", "a week without a fault")
    assert fleet.find("robot-3").package == pilot.package
    with pytest.raises(FleetError, match="needs robots, each once"):
        promote(fleet.repository, pilot.name, "night", ())
