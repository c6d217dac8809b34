"""The robot of some answers: joints in order, each with the range that it may be commanded to."""

from pathlib import Path

from ..contracts import Adaptation, JointLimits, Robot
from ..errors import suggest
from ..robots.urdf import read_urdf
from .errors import AdaptError


def robot_of(answers: Adaptation, file: Path) -> Robot | None:
    """Joints from the URDF or the list, narrowed by `limits`; None of a robot without joints.

    Raises:
        AdaptError: If a limit is of no joint of the robot, or not within its range, or a joint's range is empty.
        MissingFileError: If there is no such URDF.
        UrdfError: If it is none of a robot that can be described.
    """
    if answers.urdf is None:
        joints, source = answers.joints, file.name
    else:
        found = read_urdf(file.parent / answers.urdf)
        joints, source = found.joints, found.source
    if not joints:
        return None
    names = [joint.joint for joint in joints]
    for name in answers.limits:
        if name not in names:
            raise AdaptError(file, f"limits.{name}", "the robot has no such joint", suggest(name, names))
    own = tuple(_narrowed(answers, file, joint) for joint in joints)
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise AdaptError(file, "joints", f"joint '{twice}' is there twice", "Keep one.")
    return Robot(name=answers.name, joints=own, source=source)


def _narrowed(answers: Adaptation, file: Path, joint: JointLimits) -> JointLimits:
    lower, upper = answers.limits.get(joint.joint, (joint.lower_rad, joint.upper_rad))
    field = f"limits.{joint.joint}" if joint.joint in answers.limits else f"joints.{joint.joint}"
    if lower >= upper:
        raise AdaptError(file, field, f"{lower:g} to {upper:g} rad is no range", "Write the lower number first.")
    if lower < joint.lower_rad or upper > joint.upper_rad:
        allowed = f"{joint.lower_rad:g} to {joint.upper_rad:g} rad"
        raise AdaptError(
            file, field, f"{lower:g} to {upper:g} rad is beyond the robot's own", f"Stay within {allowed}."
        )
    return JointLimits(joint=joint.joint, lower_rad=lower, upper_rad=upper)
