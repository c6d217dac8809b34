"""What a robot says and hears on ROS 2 topics: one file for a cell."""

from typing import Literal

from pydantic import Field

from physai.infrastructure.contracts import YamlDocument

type CommandType = Literal[
    "sensor_msgs/msg/JointState", "std_msgs/msg/Float64MultiArray", "trajectory_msgs/msg/JointTrajectory"
]

JOINT_STATE = "sensor_msgs/msg/JointState"
POSE = "geometry_msgs/msg/PoseStamped"
BATTERY = "sensor_msgs/msg/BatteryState"
BOOL = "std_msgs/msg/Bool"


class RobotTopics(YamlDocument):
    """Topics of a robot. None for what it does not say; a rule of the gate that asks for it is then never met."""

    kind: Literal["robot-topics"] = "robot-topics"
    version: Literal[1] = 1
    joint_states: str = "/joint_states"
    """`sensor_msgs/msg/JointState`: measured positions in rad, by name, in any order."""
    command: str = "/joint_command"
    """Where joint targets go, once a control period."""
    command_type: CommandType = "sensor_msgs/msg/JointState"
    """`JointState` as the recorder hears it; `Float64MultiArray` for ros2_control's forward_command_controller;
    `JointTrajectory` of one point for its joint_trajectory_controller."""
    target_pose: str = "/target_pose"
    """`geometry_msgs/msg/PoseStamped` in the base frame: what the policy is asked to do."""
    safe_stop: str | None = None
    """`std_msgs/msg/Bool`, true once the runtime has stopped the robot for good."""
    e_stop: str | None = None
    """`std_msgs/msg/Bool`, true while an emergency stop is engaged."""
    episode: str | None = None
    """`std_msgs/msg/Bool`, true while an episode is running."""
    docked: str | None = None
    """`std_msgs/msg/Bool`."""
    operator_present: str | None = None
    """`std_msgs/msg/Bool`."""
    battery: str | None = None
    """`sensor_msgs/msg/BatteryState`, whose `percentage` is 0 to 1."""
    silent_s: float = Field(default=5.0, gt=0)
    """A state that was not repeated for so long is unknown."""

    @property
    def heard(self) -> dict[str, str]:
        """Topic → type of what the robot says."""
        states = (self.e_stop, self.episode, self.docked, self.operator_present)
        found = {self.joint_states: JOINT_STATE, self.target_pose: POSE}
        return found | {topic: BOOL for topic in states if topic} | ({self.battery: BATTERY} if self.battery else {})

    @property
    def said(self) -> dict[str, str]:
        """Topic → type of what it hears from us."""
        return {self.command: self.command_type} | ({self.safe_stop: BOOL} if self.safe_stop else {})
