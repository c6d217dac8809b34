"""Joints and their ranges from a URDF.

Source: wiki.ros.org/urdf/XML/joint.
"""

import math
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import parse

from ..contracts import JointLimits, Robot
from ..errors import MissingFileError, PhysaiError

MOVING = ("revolute", "continuous")


class UrdfError(PhysaiError):
    """A file is no URDF, or one of a robot that we cannot describe."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: {why}. Name a URDF whose joints turn and have limits, or a robot's JSON.")


def read_urdf(path: Path) -> Robot:
    """The robot of a URDF, its joints in the order of its chain, from the root outwards.

    Raises:
        MissingFileError: If there is no such file.
        UrdfError: If it cannot be understood.
    """
    try:
        root = parse(path).getroot()
    except FileNotFoundError as error:
        raise MissingFileError(path, "URDF", "Check the path.") from error
    except (ParseError, DefusedXmlException) as error:
        raise UrdfError(path, f"no XML ({error})") from error
    if root is None or root.tag != "robot":
        raise UrdfError(path, "no <robot>")
    joints = [joint for joint in _in_order(root) if joint.get("type") in MOVING and joint.find("mimic") is None]
    if not joints:
        raise UrdfError(path, "no joint that turns")
    limits = tuple(_limits(path, joint) for joint in joints)
    return Robot(name=root.get("name", path.stem), joints=limits, source=str(path.name))


def _in_order(root: Element) -> list[Element]:
    """Joints along the tree of links, each after the one that carries it."""
    below: dict[str, list[Element]] = {}
    for joint in root.findall("joint"):
        below.setdefault(_link(joint, "parent"), []).append(joint)
    children = {_link(joint, "child") for joint in root.findall("joint")}
    waiting = [joint for link, joints in below.items() if link not in children for joint in joints]
    order: list[Element] = []
    while waiting:
        joint = waiting.pop(0)
        order.append(joint)
        waiting = below.get(_link(joint, "child"), []) + waiting
    return order


def _link(joint: Element, end: str) -> str:
    found = joint.find(end)
    return "" if found is None else found.get("link", "")


def _limits(path: Path, joint: Element) -> JointLimits:
    name, limit = joint.get("name", ""), joint.find("limit")
    if joint.get("type") == "continuous":
        return JointLimits(joint=name, lower_rad=-2 * math.pi, upper_rad=2 * math.pi)
    try:
        if limit is None:
            raise KeyError("limit")
        return JointLimits(joint=name, lower_rad=float(limit.attrib["lower"]), upper_rad=float(limit.attrib["upper"]))
    except (KeyError, ValueError) as error:
        raise UrdfError(path, f"joint '{name}' has no range ({error})") from error
