"""What a customer says of a robot, its site and its platform; the rest of the loop is configured from it."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from .base import Contract, YamlDocument
from .package import JointLimits

Label = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
"""A DNS label, as Kubernetes names things."""


class RobotTopic(Contract):
    """A ROS 2 topic with numbers."""

    topic: str = Field(pattern=r"^/")
    """As ROS names it, e.g. `/joint_states`."""
    type: str
    """ROS 2 type, e.g. `sensor_msgs/msg/JointState`."""
    rate_hz: float = Field(gt=0)
    """Nominal rate."""
    joints: tuple[str, ...] = ()
    """Joints that it tells, in order; empty: all of the robot."""
    fields: tuple[str, ...] = ()
    """Paths of the numbers, for a type that is not known by itself: `pose.position.x`, `data[0]`."""
    names: tuple[str, ...] = ()
    """Names of the numbers in the dataset; default: the paths."""
    unit: str = ""
    """SI unit of `fields`."""


class GripperTopic(RobotTopic):
    """What a gripper tells, or is told."""

    name: str = "gripper"
    """Its element in the dataset."""
    part: Literal["state", "action"] = "state"
    """Whether it is observed, or commanded."""


class CameraTopic(Contract):
    """A camera's pictures."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """The feature is `observation.images.<name>`."""
    topic: str = Field(pattern=r"^/")
    type: Literal["sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"]
    rate_hz: float = Field(gt=0)
    depth: bool = False
    """Whether the pictures are depth: 16UC1 or mono16 in mm, 32FC1 in m."""


class SitePlan(Contract):
    """Where the robots stand, and who is told what."""

    site: Label
    cluster: Label
    """Kubernetes cluster of the site, e.g. `plant-1`."""
    cohorts: dict[Label, tuple[Label, ...]] = Field(min_length=1)
    """Cohort → its robots; a release goes from cohort to cohort."""
    repository: str = ""
    """URL of the fleet's repository as the cluster reaches it."""
    image: str = ""
    """Repository of the runtime's container image."""

    @model_validator(mode="after")
    def _each_robot_once(self) -> Self:
        robots = [robot for cohort in self.cohorts.values() for robot in cohort]
        if not robots:
            raise ValueError("no cohort has a robot. Name them: `pilot: [robot-1]`")
        if twice := sorted({robot for robot in robots if robots.count(robot) > 1}):
            raise ValueError(f"robot '{twice[0]}' is there twice. A robot is in one cohort")
        return self


class CloudPlan(Contract):
    """The platform on Azure."""

    region: str = Field(pattern=r"^[a-z][a-z0-9]+$")
    """E.g. `eastus`."""
    profile: Literal["dev", "prod", "private"] = "dev"
    """Shipped profile that it is derived from."""
    gpus: bool = True
    """Whether there are GPU nodes; without, their pools are left out and training runs on CPUs."""


class Adaptation(YamlDocument):
    """A customer's robot as `physai adapt` reads it; YAML."""

    kind: Literal["adapt"] = "adapt"
    version: Literal[1] = 1
    name: Label
    """Of the kind of robot, e.g. `bench-arm`; it names the model too."""
    urdf: str | None = None
    """Path of a URDF, from this file on; or `joints`; neither for a base without an arm."""
    joints: tuple[JointLimits, ...] = ()
    """Joints in the order of the chain with their ranges, where there is no URDF."""
    limits: dict[str, tuple[float, float]] = Field(default_factory=dict)
    """Joint → lowest and highest position in rad, narrower than the robot's own."""
    task: str = Field(min_length=1)
    """What is done, in words that a language-conditioned policy is given."""
    rate_hz: int = Field(gt=0)
    """Rows per second in the dataset, and the rate at which the policy acts; LeRobot stores whole numbers."""
    policy: Literal["act", "diffusion", "vqbet"] = "act"
    """Trained by `physai training il train`."""
    simulation_task: str = ""
    """Isaac Lab task of this robot, in which policies are judged; default: the shipped workflow's."""
    operated_by: Literal["keys", "services"] = "keys"
    """What begins and ends an episode: keys r, s and f of the recorder's terminal, or the ROS 2 services
    `/recorder/start`, `/recorder/success` and `/recorder/failure`, for a recorder without one."""
    storage: str = Field(default="/var/lib/physai", pattern=r"^/")
    """Folder under which episodes, datasets and runs lie."""
    states: tuple[RobotTopic, ...] = Field(min_length=1)
    """What the robot tells: joints, odometry, forces; in the order of `observation.state`."""
    commands: tuple[RobotTopic, ...] = Field(min_length=1)
    """What it is told; in the order of `action`."""
    grippers: tuple[GripperTopic, ...] = ()
    """Their elements come after those of `states` and `commands`."""
    cameras: tuple[CameraTopic, ...] = ()
    targets: tuple[RobotTopic, ...] = ()
    """What tells where the task is, e.g. the pose of the target: `observation.environment_state`, which a policy needs
    that sees no camera."""
    definitions: tuple[str, ...] = ()
    """Folders with `.msg` files of your own types, from this file on."""
    topology: SitePlan
    azure: CloudPlan

    @model_validator(mode="after")
    def _one_source_of_joints(self) -> Self:
        if self.urdf is not None and self.joints:
            raise ValueError("give `urdf` or `joints`, one of them")
        if self.urdf is None and not self.joints and self.limits:
            raise ValueError("`limits` are of joints: give `urdf` or `joints`")
        return self
