from collections.abc import Callable
from pathlib import Path

import pytest

from physai.evaluation.errors import UnfitPolicyError
from physai.evaluation.sil.fit import RobotFacts, check_conditions, check_robot
from physai.infrastructure.contracts import ConditionSet, JointLimits, PolicyPackage

STATE, TARGET = "observation.state", "observation.environment_state"


@pytest.fixture
def contract(package: Path) -> PolicyPackage:
    return PolicyPackage.read(package / "package.json")


def facts(contract: PolicyPackage, **changes: object) -> RobotFacts:
    """The robot that the package was made for, with some facts replaced."""
    joints = contract.outputs[0].elements
    robot = RobotFacts(
        robot="ur10",
        rate_hz=30.0,
        joint_names=joints,
        units=("rad",) * 6,
        limits=tuple(JointLimits(joint=joint, lower_rad=-3.1, upper_rad=3.1) for joint in joints),
        observations={STATE: (6,), TARGET: (7,)},
    )
    return robot._replace(**changes)


def test_a_package_fits_the_robot_it_was_made_for(contract: PolicyPackage) -> None:
    check_robot("candidate", contract, facts(contract))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"robot": "ur5"}, "candidate: robot does not fit: the package has ur10, the environment ur5"),
        ({"rate_hz": 60.0}, "control rate does not fit: the package has 30 Hz, the environment 60 Hz"),
        ({"units": ("deg",) * 6}, "unit of the action"),
        ({"observations": {STATE: (6,)}}, f"input '{TARGET}' does not fit: the package has it, the environment only"),
        ({"observations": {STATE: (6,), TARGET: (3,)}}, f"shape of '{TARGET}'"),
    ],
)
def test_a_robot_that_differs_is_refused_by_name(
    contract: PolicyPackage, changes: dict[str, object], says: str
) -> None:
    with pytest.raises(UnfitPolicyError, match=says):
        check_robot("candidate", contract, facts(contract, **changes))


def test_joints_in_another_order_are_refused(contract: PolicyPackage) -> None:
    reversed_joints = facts(contract, joint_names=contract.outputs[0].elements[::-1])
    with pytest.raises(UnfitPolicyError, match="order of the action's joints does not fit"):
        check_robot("candidate", contract, reversed_joints)


def test_joints_in_another_order_in_the_state_are_refused(contract: PolicyPackage) -> None:
    state = contract.inputs[0].model_copy(update={"elements": contract.inputs[0].elements[::-1]})
    changed = contract.model_copy(update={"inputs": (state, contract.inputs[1])})
    with pytest.raises(UnfitPolicyError, match=f"order of '{STATE}' does not fit"):
        check_robot("candidate", changed, facts(contract))


def test_a_package_that_asks_for_more_than_the_robots_range_is_refused(contract: PolicyPackage) -> None:
    # the package asks for -3 to 3 rad
    elbow = JointLimits(joint="elbow_joint", lower_rad=-3.1, upper_rad=2.9)
    limits = tuple(elbow if limit.joint == "elbow_joint" else limit for limit in facts(contract).limits)
    with pytest.raises(UnfitPolicyError, match=r"'elbow_joint' does not fit: the package has -3\.000 to 3\.000 rad"):
        check_robot("candidate", contract, facts(contract, limits=limits))


def test_conditions_of_another_task_or_robot_are_refused(
    contract: PolicyPackage, make_conditions: Callable[[int], ConditionSet]
) -> None:
    conditions = make_conditions(2)
    check_conditions("candidate", contract, conditions)
    with pytest.raises(
        UnfitPolicyError, match="task does not fit: the package has Isaac-Reach-UR10, the environment Cart"
    ):
        check_conditions("candidate", contract, conditions.model_copy(update={"task": "Cartpole"}))
    with pytest.raises(UnfitPolicyError, match="order of the action's joints"):
        check_conditions("candidate", contract, conditions.model_copy(update={"joint_names": ("a", "b")}))
