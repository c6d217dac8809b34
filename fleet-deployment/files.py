"""Files of this domain that people write, for `physai contracts`."""

from .gating.rules import GateRules
from .runtime.ros2.topics import RobotTopics

FILES = (GateRules, RobotTopics)
