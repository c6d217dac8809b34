"""The recording config of some answers: each topic by its type, each number by its name."""

from pathlib import Path
from typing import Literal

from ..contracts import (
    Adaptation,
    Alignment,
    CameraTopic,
    FeatureRule,
    GripperTopic,
    KeyTrigger,
    RecordingConfig,
    Robot,
    RobotTopic,
    ServiceTrigger,
    TimerTrigger,
    TopicRule,
)
from ..errors import suggest
from ..ros2.definitions import Definitions
from .errors import AdaptError

Part = Literal["observation.state", "observation.environment_state", "action"]
Outcome = Literal["success", "failure"]
KEYS = {"start": "r", "success": "s", "failure": "f"}
LONGEST_EPISODE_S = 120.0

BASE = {
    "nav_msgs/msg/Odometry": (
        ("pose.pose.position.x", "base.x", "m"),
        ("pose.pose.position.y", "base.y", "m"),
        ("pose.pose.orientation.z", "base.qz", "1"),
        ("pose.pose.orientation.w", "base.qw", "1"),
        ("twist.twist.linear.x", "base.vx", "m/s"),
        ("twist.twist.angular.z", "base.wz", "rad/s"),
    ),
    "geometry_msgs/msg/Twist": (("linear.x", "base.vx", "m/s"), ("angular.z", "base.wz", "rad/s")),
    "geometry_msgs/msg/TwistStamped": (
        ("twist.linear.x", "base.vx", "m/s"),
        ("twist.angular.z", "base.wz", "rad/s"),
    ),
}
"""Numbers of a base that moves on a plane: path, name, unit."""
TARGET = {
    "geometry_msgs/msg/PoseStamped": (
        *((f"pose.position.{axis}", f"target.{axis}", "m") for axis in "xyz"),
        *((f"pose.orientation.{axis}", f"target.q{axis}", "1") for axis in "xyzw"),
    ),
    "geometry_msgs/msg/PointStamped": tuple((f"point.{axis}", f"target.{axis}", "m") for axis in "xyz"),
}
"""Numbers of where a task is: path, name, unit."""
JOINTS = {"sensor_msgs/msg/JointState": "position", "std_msgs/msg/Float64MultiArray": "data"}
"""Types that tell positions of joints, and the field that does."""
GRIPPER = {
    "sensor_msgs/msg/JointState": "position[0]",
    "std_msgs/msg/Float64": "data",
    "std_msgs/msg/Float32": "data",
    "std_msgs/msg/Float64MultiArray": "data[0]",
}


def recording_of(answers: Adaptation, file: Path, robot: Robot | None) -> RecordingConfig:
    """What is recorded, and what of it becomes the dataset.

    Raises:
        AdaptError: If a topic is there twice, names a joint that the robot lacks, or has a type of unknown numbers.
        UnknownTypeError: If ROS 2 and `definitions` have no such type; the nearest is named.
    """
    folders = tuple(str((file.parent / folder).resolve()) for folder in answers.definitions)
    known = Definitions(folders)
    asked: dict[str, tuple[RobotTopic | CameraTopic, ...]] = {
        "states": answers.states,
        "commands": answers.commands,
        "targets": answers.targets,
        "grippers": answers.grippers,
        "cameras": answers.cameras,
    }
    seen: set[str] = set()
    for field, topics in asked.items():
        for index, topic in enumerate(topics):
            known.require(f"{file}: {field}.{index}.type", topic.type)
            if topic.topic in seen:
                raise AdaptError(file, f"{field}.{index}.topic", f"'{topic.topic}' is there twice", "Keep one.")
            seen.add(topic.topic)
    return RecordingConfig(
        robots=(answers.name,),
        task=answers.task,
        rate_hz=answers.rate_hz,
        output=f"{answers.storage}/episodes",
        topics=(
            *(_numbers(file, f"states.{i}", t, robot, "observation.state") for i, t in enumerate(answers.states)),
            *(_numbers(file, f"commands.{i}", t, robot, "action") for i, t in enumerate(answers.commands)),
            *(
                _numbers(file, f"targets.{i}", t, robot, "observation.environment_state")
                for i, t in enumerate(answers.targets)
            ),
            *(_gripper(file, f"grippers.{i}", t) for i, t in enumerate(answers.grippers)),
            *_cameras(answers),
        ),
        definitions=folders,
        start=(_trigger(answers, "start", None),),
        stop=(
            _trigger(answers, "success", "success"),
            _trigger(answers, "failure", "failure"),
            TimerTrigger(kind="timer", after_s=LONGEST_EPISODE_S, outcome="failure"),
        ),
    )


def action_names(config: RecordingConfig) -> tuple[str, ...]:
    """Elements of `action`, in order."""
    rules = [rule for topic in config.topics for rule in topic.features if rule.feature == "action"]
    return tuple(name for rule in rules for name in rule.names or rule.keys or rule.fields)


def _trigger(answers: Adaptation, what: str, outcome: Outcome | None) -> KeyTrigger | ServiceTrigger:
    if answers.operated_by == "services":
        return ServiceTrigger(kind="service", service=f"/recorder/{what}", outcome=outcome)
    return KeyTrigger(kind="key", key=KEYS[what], outcome=outcome)


def _numbers(file: Path, field: str, topic: RobotTopic, robot: Robot | None, part: Part) -> TopicRule:
    names = [joint.joint for joint in robot.joints] if robot else []
    known = TARGET if part == "observation.environment_state" else BASE
    for joint in topic.joints:
        if joint not in names:
            raise AdaptError(file, f"{field}.joints", f"the robot has no joint '{joint}'", suggest(joint, names))
    if topic.fields:
        if topic.names and len(topic.names) != len(topic.fields):
            why = f"{len(topic.names)} names of {len(topic.fields)} fields"
            raise AdaptError(file, f"{field}.names", why, "Write one name for each field.")
        rules = (FeatureRule(feature=part, fields=topic.fields, names=topic.names, unit=topic.unit),)
    elif topic.type in JOINTS:
        chosen = topic.joints or tuple(names)
        if not chosen:
            raise AdaptError(file, field, "the robot has no joints", "Give `urdf` or `joints`, or name `fields`.")
        keyed = topic.type == "sensor_msgs/msg/JointState"
        position = FeatureRule(feature=part, fields=(JOINTS[topic.type],), unit="rad")
        rules = (position.model_copy(update={"keys" if keyed else "names": chosen}),)
    elif topic.type in known:
        paths, labels, units = zip(*known[topic.type], strict=True)
        rules = (FeatureRule(feature=part, fields=paths, names=labels, unit=", ".join(units)),)
    else:
        mend = f"Name them under `fields`. By itself known: {', '.join(sorted({**JOINTS, **known}))}."
        raise AdaptError(file, f"{field}.type", f"which numbers of a {topic.type} are meant is not known", mend)
    return _rule(topic, part, rules)


def _gripper(file: Path, field: str, topic: GripperTopic) -> TopicRule:
    if not topic.fields and topic.type not in GRIPPER:
        mend = f"Name it under `fields`. By itself known: {', '.join(sorted(GRIPPER))}."
        raise AdaptError(file, f"{field}.type", f"which number of a {topic.type} is meant is not known", mend)
    fields = topic.fields or (GRIPPER[topic.type],)
    names = topic.names or (topic.name,)
    if len(fields) != len(names):
        why = f"{len(names)} names of {len(fields)} fields"
        raise AdaptError(file, f"{field}.names", why, "Write one name for each field.")
    part: Part = "action" if topic.part == "action" else "observation.state"
    return _rule(topic, part, (FeatureRule(feature=part, fields=fields, names=names, unit=topic.unit),))


def _rule(topic: RobotTopic, part: Part, features: tuple[FeatureRule, ...]) -> TopicRule:
    """A command holds until the next one; joints are interpolated; of all else the nearest counts."""
    measured: Literal["linear", "nearest"] = "linear" if topic.type in JOINTS else "nearest"
    align = Alignment(how="hold" if part == "action" else measured)
    return TopicRule(topic=topic.topic, type=topic.type, rate_hz=topic.rate_hz, align=align, features=features)


def _cameras(answers: Adaptation) -> tuple[TopicRule, ...]:
    """Colour becomes video, and depth LeRobot's form of depth."""
    return tuple(
        TopicRule(
            topic=camera.topic,
            type=camera.type,
            rate_hz=camera.rate_hz,
            reliability="best-effort",
            align=Alignment(how="nearest"),
            features=(
                FeatureRule(feature=f"observation.images.{camera.name}", dtype="depth" if camera.depth else "video"),
            ),
        )
        for camera in answers.cameras
    )
