"""What the fleet asks of a package, as its repository says it, and whether a package meets it."""

from pathlib import Path

from physai.infrastructure.contracts import FleetPolicy, PolicyPackage, Robot
from physai.infrastructure.fit import MisfitError

from ..errors import NotReleasedError
from .tree import POLICY_FILE


def read_policy(tree: Path) -> FleetPolicy:
    """The fleet's policy; without a file it asks for nothing beyond evidence."""
    path = tree / POLICY_FILE
    return FleetPolicy.read(path) if path.exists() else FleetPolicy()


def check_robots(tree: Path, package: PolicyPackage, robots: tuple[str, ...], policy: FleetPolicy) -> None:
    """Refuse a package that was not made for every robot of a release.

    Raises:
        MisfitError: If a robot that is described has another name or other joints.
        NotReleasedError: If a robot is not described, and the fleet's policy asks for it.
    """
    for robot in robots:
        path = tree / "robots" / f"{robot}.json"
        if path.is_file():
            _check_robot(package, Robot.read(path), robot)
        elif policy.require_description:
            raise NotReleasedError(robot, f"is not described in robots/{robot}.json", "Commit its description")


def _check_robot(package: PolicyPackage, robot: Robot, who: str) -> None:
    if package.robot != robot.name:
        raise MisfitError(who, "robot", package.robot, robot.name)
    wanted = {limit.joint: limit for limit in package.limits}
    joints = tuple(limit.joint for limit in robot.joints)
    if tuple(wanted) != joints:
        raise MisfitError(who, "joints", tuple(wanted), joints)
    for allowed in robot.joints:
        limit = wanted[allowed.joint]
        if limit.lower_rad < allowed.lower_rad - 1e-3 or limit.upper_rad > allowed.upper_rad + 1e-3:
            here = f"{allowed.lower_rad:.3f} to {allowed.upper_rad:.3f} rad"
            raise MisfitError(
                who, f"range of {allowed.joint}", f"{limit.lower_rad:.3f} to {limit.upper_rad:.3f} rad", here
            )
