"""Units of the elements of observations and actions, which a LeRobot dataset does not state."""

from physai.infrastructure.contracts import JointLimits, Robot, TensorSpec

from ..errors import UnknownUnitError

POSE = {"x": "m", "y": "m", "z": "m", "qx": "1", "qy": "1", "qz": "1", "qw": "1"}
VELOCITY = ".velocity"


def with_units(spec: TensorSpec, robot: Robot) -> TensorSpec:
    """The tensor with the unit of each element: joints in rad, their velocities in rad/s, poses in m and 1.

    Raises:
        UnknownUnitError: If an element is neither.
    """
    joints = {limits.joint for limits in robot.joints}
    return spec.model_copy(
        update={"units": tuple(_unit(spec.name, name, joints, robot.name) for name in spec.elements)}
    )


def limits_of(action: TensorSpec, robot: Robot) -> tuple[JointLimits, ...]:
    """Range of each joint that the action moves, in the action's order.

    Raises:
        UnknownUnitError: If an element is no joint of the robot.
    """
    limits = {limits.joint: limits for limits in robot.joints}
    for element in action.elements:
        if element not in limits:
            raise UnknownUnitError(action.name, element, robot.name)
    return tuple(limits[element] for element in action.elements)


def _unit(feature: str, element: str, joints: set[str], robot: str) -> str:
    if element in joints:
        return "rad"
    if element.removesuffix(VELOCITY) in joints:
        return "rad/s"
    if element not in POSE:
        raise UnknownUnitError(feature, element, robot)
    return POSE[element]
