"""Does a package's contract fit the robot that it is to drive? Asked before the first step."""

from typing import TYPE_CHECKING, NamedTuple

from physai.infrastructure.contracts import ConditionSet, JointLimits, PolicyPackage
from physai.infrastructure.control import Observation

from ..errors import UnfitPolicyError

if TYPE_CHECKING:
    from physai.infrastructure.simulation import TaskEnv

STATE = "observation.state"
RATE_TOLERANCE_HZ = 1e-6
LIMIT_TOLERANCE_RAD = 1e-3  # makers publish degrees, assets round them


class RobotFacts(NamedTuple):
    """What an environment says of its robot."""

    robot: str
    rate_hz: float
    joint_names: tuple[str, ...]
    units: tuple[str, ...]
    limits: tuple[JointLimits, ...]
    observations: dict[str, tuple[int, ...]]
    """Name → shape without batch."""

    @classmethod
    def of(cls, env: "TaskEnv", observation: Observation) -> "RobotFacts":
        """Ask an environment, of which `observation` is one observation."""
        shapes = {name: rows.shape[1:] for name, rows in observation.items()}
        return cls(env.robot, env.rate_hz, env.joint_names, env.units, env.joint_limits, shapes)


def check_conditions(role: str, package: PolicyPackage, conditions: ConditionSet) -> None:
    """What can be told before a simulator is started.

    Raises:
        UnfitPolicyError: If task or joints differ.
    """
    _same(role, "task", package.task, conditions.task)
    _same(role, "order of the action's joints", package.outputs[0].elements, conditions.joint_names)


def check_robot(role: str, package: PolicyPackage, facts: RobotFacts) -> None:
    """Compare names, order, units, shapes, rate and limits with the robot's.

    Args:
        role: Named in errors.
        package: The contract; consistent in itself, as its verification has shown.
        facts: What the robot says.

    Raises:
        UnfitPolicyError: At the first difference.
    """
    action = package.outputs[0]
    _same(role, "robot", package.robot, facts.robot)
    _same(role, "order of the action's joints", action.elements, facts.joint_names)
    _same(role, "unit of the action", action.units, facts.units)
    if abs(package.rate_hz - facts.rate_hz) > RATE_TOLERANCE_HZ:
        raise UnfitPolicyError(role, "control rate", f"{package.rate_hz:g} Hz", f"{facts.rate_hz:g} Hz")
    for spec in package.inputs:
        if spec.name not in facts.observations:
            raise UnfitPolicyError(role, f"input '{spec.name}'", "it", f"only {', '.join(facts.observations)}")
        _same(role, f"shape of '{spec.name}'", spec.shape, facts.observations[spec.name])
        if spec.name == STATE:
            _same(role, f"order of '{spec.name}'", spec.elements, facts.joint_names)
            _same(role, f"unit of '{spec.name}'", spec.units, facts.units)
    for wanted, allowed in zip(package.limits, facts.limits, strict=True):
        _check_limits(role, wanted, allowed)


def _check_limits(role: str, wanted: JointLimits, allowed: JointLimits) -> None:
    """The package may ask for less than the robot allows, never for more."""
    below = wanted.lower_rad < allowed.lower_rad - LIMIT_TOLERANCE_RAD
    above = wanted.upper_rad > allowed.upper_rad + LIMIT_TOLERANCE_RAD
    if below or above:
        ranges = (f"{limits.lower_rad:.3f} to {limits.upper_rad:.3f} rad" for limits in (wanted, allowed))
        raise UnfitPolicyError(role, f"range of '{wanted.joint}'", *ranges)


def _same(role: str, what: str, package: object, robot: object) -> None:
    if package != robot:
        raise UnfitPolicyError(role, what, package, robot)
