"""What becomes of topics: by a recording config, or for recordings of the simulated robot, which need none."""

from dataclasses import dataclass

from physai.infrastructure.contracts import Alignment, FeatureRule, RawEpisode, RecordingConfig, TopicRule

STATE = "/joint_states"
TARGET = "/target_pose"
COMMAND = "/joint_command"
CAMERA_PREFIX, CAMERA_SUFFIX = "/camera/", "/image/compressed"

JOINT_STATE = "sensor_msgs/msg/JointState"
POSE = "geometry_msgs/msg/PoseStamped"
IMAGE = "sensor_msgs/msg/CompressedImage"

POSITION, TURN = "pose.position", "pose.orientation"
POSE_FIELDS = (*(f"{POSITION}.{axis}" for axis in "xyz"), *(f"{TURN}.{axis}" for axis in "xyzw"))
POSE_NAMES = ("x", "y", "z", "qx", "qy", "qz", "qw")


@dataclass(frozen=True)
class Options:
    """How recordings are converted."""

    config: RecordingConfig | None = None
    """What of them is wanted; None for recordings of the simulated robot."""
    rate_hz: float | None = None
    """Rows per second; default: what the config or the sidecars say."""
    velocities: bool = False
    """Add joint velocities to `observation.state`; only without a config."""
    max_skew_s: float | None = None
    """How far from its row a message may be; default: what the config says, or 1.5 periods of its topic."""
    skip_damaged: bool = False
    """Leave unfit recordings out, and say so in the provenance, instead of stopping."""
    markers: str | None = None
    """Topic that tells where episodes begin and end."""
    intervals: tuple[tuple[float, float], ...] = ()
    """Where episodes begin and end, in s since the first message of the recording."""
    append: bool = False
    """Add to the dataset that is there."""


def simulated(raw: RawEpisode, *, velocities: bool) -> RecordingConfig:
    """The config of a recording of the simulated robot, by the topics that its sidecar counts."""
    fields = ("position", "velocity") if velocities else ("position",)
    names = [topic for topic in raw.messages if topic.startswith(CAMERA_PREFIX) and topic.endswith(CAMERA_SUFFIX)]
    cameras = {topic: topic.removeprefix(CAMERA_PREFIX).removesuffix(CAMERA_SUFFIX) for topic in sorted(names)}
    target = FeatureRule(feature="observation.environment_state", fields=POSE_FIELDS, names=POSE_NAMES)
    return RecordingConfig(
        robots=(raw.robot,),
        task=raw.task,
        rate_hz=raw.rate_hz,
        output=".",
        topics=(
            _rule(STATE, JOINT_STATE, FeatureRule(feature="observation.state", fields=fields), raw.rate_hz),
            _rule(TARGET, POSE, target, None),
            _rule(COMMAND, JOINT_STATE, FeatureRule(feature="action", fields=("position",)), raw.rate_hz),
            *(
                _rule(topic, IMAGE, FeatureRule(feature=f"observation.images.{name}", dtype="video"), raw.rate_hz)
                for topic, name in cameras.items()
            ),
        ),
    )


def _rule(topic: str, type_name: str, feature: FeatureRule, rate_hz: float | None) -> TopicRule:
    return TopicRule(topic=topic, type=type_name, rate_hz=rate_hz, align=Alignment(), features=(feature,))
