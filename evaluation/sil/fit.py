"""Does a package's contract fit the robot that it is to drive? Asked before the first step."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from physai.infrastructure.contracts import ConditionSet, PolicyPackage

from ..errors import UnfitPolicyError

if TYPE_CHECKING:
    from physai.infrastructure.simulation import TaskEnv

CLOSE = 1e-6
LIMIT_TOLERANCE_RAD = 1e-3


def check_conditions(role: str, package: PolicyPackage, conditions: ConditionSet) -> None:
    """What can be told before a simulator is started.

    Raises:
        UnfitPolicyError: If task or joints differ.
    """
    _same(role, "task", package.task, conditions.task)
    _same(role, "order of the action's joints", package.outputs[0].elements, conditions.joint_names)


def check_environment(
    role: str, package: PolicyPackage, env: "TaskEnv", observation: Mapping[str, NDArray[Any]]
) -> None:
    """Compare names, order, units, shapes, rate and limits with the environment's.

    Args:
        role: Named in errors.
        package: The contract.
        env: The environment, launched.
        observation: One observation of it.

    Raises:
        UnfitPolicyError: If anything differs.
    """
    action = package.outputs[0]
    _same(role, "robot", package.robot, env.robot)
    _same(role, "order of the action's joints", action.elements, env.joint_names)
    _same(role, "unit of the action", action.units, env.units)
    _same(role, "size of an action", action.shape[-1:], (len(env.joint_names),))
    if len(action.shape) != 2 or action.shape[0] < package.action_steps:
        raise UnfitPolicyError(role, "action chunk", action.shape, f"{package.action_steps} actions to play of each")
    if abs(package.rate_hz - env.rate_hz) > CLOSE:
        raise UnfitPolicyError(role, "control rate", f"{package.rate_hz:g} Hz", f"{env.rate_hz:g} Hz")
    for spec in package.inputs:
        if spec.name not in observation:
            raise UnfitPolicyError(role, f"input '{spec.name}'", "it", f"only {', '.join(observation)}")
        _same(role, f"shape of '{spec.name}'", spec.shape, observation[spec.name].shape[1:])
        if spec.name == "observation.state":
            _same(role, f"order of '{spec.name}'", spec.elements, env.joint_names)
    _check_limits(role, package, env)


def _check_limits(role: str, package: PolicyPackage, env: "TaskEnv") -> None:
    robot = {limits.joint: limits for limits in env.joint_limits}
    for limits in package.limits:
        own = robot.get(limits.joint)
        below = own is not None and limits.lower_rad >= own.lower_rad - LIMIT_TOLERANCE_RAD
        if own is None or not below or limits.upper_rad > own.upper_rad + LIMIT_TOLERANCE_RAD:
            has = f"{own.lower_rad:g} to {own.upper_rad:g} rad" if own else "no such joint"
            wants = f"{limits.lower_rad:g} to {limits.upper_rad:g} rad"
            raise UnfitPolicyError(role, f"range of joint '{limits.joint}'", wants, has)


def _same(role: str, what: str, package: object, robot: object) -> None:
    if package != robot:
        raise UnfitPolicyError(role, what, package, robot)
