"""A package fits a robot in every point, or is refused in that point's name."""

from dataclasses import replace
from typing import Any

import pytest

from physai.infrastructure.contracts import JointLimits, PolicyPackage, RecurrentState, TensorSpec
from physai.infrastructure.fit import MisfitError, RobotFacts, check_fit
from physai.infrastructure.tests.registry_packages import CHUNK, JOINTS, TWO_PI, make_package

SWAPPED = (JOINTS[1], JOINTS[0], *JOINTS[2:])
RAD = ("rad",) * 6
FACTS = RobotFacts(
    task="Isaac-Reach-UR10",
    robot="ur10",
    rate_hz=30.0,
    joints=JOINTS,
    units=RAD,
    limits=tuple(JointLimits(joint=joint, lower_rad=-TWO_PI, upper_rad=TWO_PI) for joint in JOINTS),
    observations={"observation.state": (6,), "observation.environment_state": (7,)},
)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> PolicyPackage:
    return PolicyPackage.read(make_package(tmp_path_factory.mktemp("fit") / "package") / "package.json")


def state(**fields: Any) -> TensorSpec:
    plain: dict[str, Any] = {"name": "observation.state", "dtype": "float32", "shape": (6,), "elements": JOINTS}
    return TensorSpec(**plain | {"units": RAD} | fields)


def action(**fields: Any) -> TensorSpec:
    return state(**{"name": "action", "shape": (CHUNK, 6)} | fields)


def limits(lower: float = -1.0, upper: float = 1.0, joints: tuple[str, ...] = JOINTS) -> tuple[JointLimits, ...]:
    return tuple(JointLimits(joint=joint, lower_rad=lower, upper_rad=upper) for joint in joints)


def test_the_package_of_this_robot_fits(package: PolicyPackage) -> None:
    check_fit(package, FACTS, "robot-1")
    check_fit(package.model_copy(update={"limits": limits()}), FACTS, "robot-1")


def test_what_a_recurrent_policy_carries_is_no_matter_of_the_robot(package: PolicyPackage) -> None:
    before, after = (TensorSpec(name=name, dtype="float32", shape=(1, 8)) for name in ("h_in", "h_out"))
    fields = {"inputs": (*package.inputs, before), "outputs": (*package.outputs, after)}
    with pytest.raises(MisfitError, match="input 'h_in'"):
        check_fit(package.model_copy(update=fields), FACTS, "robot-1")
    states = (RecurrentState(input="h_in", output="h_out"),)
    check_fit(package.model_copy(update=fields | {"states": states}), FACTS, "robot-1")


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"inputs": (state(elements=SWAPPED),)}, r"joint order in 'observation\.state' is \('shoulder_lift_joint'"),
        ({"outputs": (action(elements=SWAPPED),)}, "joint order in 'action'"),
        ({"outputs": (action(elements=()),)}, "joint order in 'action'"),
        ({"outputs": (action(units=("deg",) * 6),)}, "unit of 'action'"),
        ({"inputs": (state(shape=(7,)),)}, r"input 'observation\.state' is \(7,\), the robot's is \(6,\)"),
        ({"inputs": (state(name="observation.force"),)}, r"input 'observation\.force'.*the robot's is None"),
        ({"outputs": (action(shape=(2, 6)),)}, r"output 'action' is \(2, 6\), the robot's is at least \(4, 6\)"),
        ({"rate_hz": 29.0}, "rate is 29 Hz, the robot's is 30 Hz"),
        ({"limits": limits(lower=-9.0)}, r"range of shoulder_pan_joint is -9\.000 to 1\.000 rad"),
        ({"limits": limits(upper=9.0)}, "range of shoulder_pan_joint"),
        ({"limits": limits()[:5]}, "joints with limits"),
        ({"limits": limits(joints=SWAPPED)}, "joints with limits"),
        ({"limits": ()}, "joints with limits"),
    ],
)
def test_a_misfit_is_named(package: PolicyPackage, fields: dict[str, Any], what: str) -> None:
    with pytest.raises(MisfitError, match=f"robot-1: the package does not fit: its {what}"):
        check_fit(package.model_copy(update=fields), FACTS, "robot-1")


def test_a_missing_camera_is_a_misfit(package: PolicyPackage) -> None:
    camera = TensorSpec(name="observation.images.front", dtype="float32", shape=(3, 96, 96))
    wants = package.model_copy(update={"inputs": (*package.inputs, camera)})
    with pytest.raises(MisfitError, match=r"input 'observation\.images\.front' is \(3, 96, 96\)"):
        check_fit(wants, FACTS, "robot-1")
    seen = replace(FACTS, observations=FACTS.observations | {"observation.images.front": (3, 96, 96)})
    check_fit(wants, seen, "robot-1")
