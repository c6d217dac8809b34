"""Whether a package was made for this robot: its joints in this order, its rate, its units, its ranges."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .contracts import JointLimits, PolicyPackage, TensorSpec
from .errors import PhysaiError

if TYPE_CHECKING:
    from .simulation import TaskEnv

RATE_TOLERANCE = 1e-3  # relative
LIMIT_TOLERANCE_RAD = 1e-3  # makers publish degrees, assets round them
STATE = "observation.state"


class MisfitError(PhysaiError):
    """A package does not fit a robot."""

    def __init__(self, who: str, what: str, package: object, here: object) -> None:
        super().__init__(
            f"{who}: the package does not fit: its {what} is {package}, the robot's is {here}. "
            "Take a package that was trained for this robot and task."
        )


@dataclass(frozen=True)
class RobotFacts:
    """What a robot says of itself."""

    task: str
    robot: str
    rate_hz: float
    joints: tuple[str, ...]
    units: tuple[str, ...]
    limits: tuple[JointLimits, ...]
    """In the order of `joints`."""
    observations: dict[str, tuple[int, ...]]
    """Name → shape without batch, of everything it can observe."""


def facts_of(env: "TaskEnv") -> RobotFacts:
    """What a simulated robot says of itself."""
    observations = {name: rows.shape[1:] for name, rows in env.observe().items()}
    if env.camera is not None:
        observations[env.image_key] = (3, env.camera.height, env.camera.width)
    return RobotFacts(
        task=env.task,
        robot=env.robot,
        rate_hz=env.rate_hz,
        joints=env.joint_names,
        units=env.units,
        limits=env.joint_limits,
        observations=observations,
    )


def check_fit(package: PolicyPackage, facts: RobotFacts, who: str) -> None:
    """Refuse a package whose contract is not this robot's.

    Args:
        package: What the package says.
        facts: What the robot says.
        who: Name of the robot, or the role of the package, for the message.

    Raises:
        MisfitError: On the first difference.
    """
    _equal(who, "task", package.task, facts.task)
    _equal(who, "robot", package.robot, facts.robot)
    if abs(package.rate_hz - facts.rate_hz) > RATE_TOLERANCE * facts.rate_hz:
        raise MisfitError(who, "rate", f"{package.rate_hz:g} Hz", f"{facts.rate_hz:g} Hz")
    carried = {name for state in package.states for name in (state.input, state.output)}  # its own affair
    for spec in package.inputs:
        if spec.noise or spec.name in carried:
            continue
        _equal(who, f"input '{spec.name}'", spec.shape[bool(spec.history) :], facts.observations.get(spec.name))
        if spec.name == STATE:
            _check_joints(who, spec, facts)
    for spec in package.outputs:
        if spec.name in carried:
            continue
        _check_joints(who, spec, facts)
        chunk = (package.action_steps, len(facts.joints))
        if len(spec.shape) != 2 or spec.shape[0] < chunk[0] or spec.shape[1] != chunk[1]:
            raise MisfitError(who, f"output '{spec.name}'", spec.shape, f"at least {chunk}")
    _check_limits(who, package.limits, facts.limits)


def _check_joints(who: str, spec: TensorSpec, facts: RobotFacts) -> None:
    _equal(who, f"joint order in '{spec.name}'", spec.elements, facts.joints)
    _equal(who, f"unit of '{spec.name}'", spec.units, facts.units)


def _check_limits(who: str, package: tuple[JointLimits, ...], robot: tuple[JointLimits, ...]) -> None:
    """The package must state a range for every joint, within the robot's own."""
    _equal(who, "joints with limits", tuple(limit.joint for limit in package), tuple(limit.joint for limit in robot))
    for wanted, allowed in zip(package, robot, strict=True):
        below = wanted.lower_rad < allowed.lower_rad - LIMIT_TOLERANCE_RAD
        above = wanted.upper_rad > allowed.upper_rad + LIMIT_TOLERANCE_RAD
        if below or above:
            raise MisfitError(who, f"range of {wanted.joint}", _range(wanted), _range(allowed))


def _range(limits: JointLimits) -> str:
    return f"{limits.lower_rad:.3f} to {limits.upper_rad:.3f} rad"


def _equal(who: str, what: str, package: object, here: object) -> None:
    if package != here:
        raise MisfitError(who, what, package, here)
