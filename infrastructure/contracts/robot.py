"""What is known of a robot without starting a simulator."""

from typing import Literal

from pydantic import Field

from .base import Document
from .package import JointLimits


class Robot(Document):
    """A robot arm as its maker publishes it."""

    kind: Literal["robot"] = "robot"
    version: Literal[1] = 1
    name: str
    joints: tuple[JointLimits, ...] = Field(min_length=1)
    """Range of each joint, in the order of its chain."""
    source: str
    """Where the numbers are published."""
