"""How a robot is recorded and what of it becomes a dataset: one file for the recorder and the converter."""

from collections import Counter
from collections.abc import Iterable
from typing import Literal, Self

from pydantic import Field, model_validator

from .base import Contract, YamlDocument
from .trigger import Trigger


class Alignment(Contract):
    """How messages of a topic are put on the grid of rows."""

    how: Literal["hold", "nearest", "linear"] = "hold"
    """`hold`: the latest at or before the row; `nearest`: the closest in time; `linear`: interpolated between two."""
    max_skew_s: float | None = Field(default=None, gt=0)
    """How far from its row a message may be; None: 1.5 periods of its topic."""


class FeatureRule(Contract):
    """What of a message becomes elements of a LeRobot feature. Rules of the same feature are concatenated in order."""

    feature: str
    """LeRobot's key: `observation.state`, `action`, `observation.images.wrist`."""
    fields: tuple[str, ...] = ()
    """Paths of numeric fields: `position`, `pose.position.x`, `data[2]`; empty: the message is an image."""
    keys: tuple[str, ...] = ()
    """Elements of the fields, picked by the names under `keyed_by`, in this order; empty: all, as they come."""
    keyed_by: str = "name"
    """Field that lists the names of the elements, as `name` of `sensor_msgs/msg/JointState`."""
    names: tuple[str, ...] = ()
    """Names of the elements in the dataset; default: `keys`, or the paths."""
    unit: str = ""
    """SI unit of the elements, e.g. `rad`; of depth `m` or `mm`, in which images must be; default: as they come."""
    dtype: Literal["float32", "float64", "int64", "bool", "video", "depth"] = "float32"
    """`video` for colour images; `depth` for distances: 16UC1 and mono16 in mm, 32FC1 in m, or PNG of 16 bits."""

    @model_validator(mode="after")
    def _depth_is_an_image(self) -> Self:
        if self.dtype == "depth" and (self.fields or self.unit not in ("", "m", "mm")):
            raise ValueError(f"{self.feature!r}: depth has no `fields`, and its `unit` is m or mm")
        return self


class TopicRule(Contract):
    """A topic that is recorded."""

    topic: str
    """As ROS names it, e.g. `/joint_states`."""
    type: str
    """ROS 2 type, e.g. `sensor_msgs/msg/JointState`."""
    rate_hz: float | None = Field(default=None, gt=0)
    """Nominal rate, by which silences are judged; None for what is said now and then."""
    required: bool = True
    """Whether an episode without a message of it is in error."""
    reliability: Literal["reliable", "best-effort"] = "reliable"
    """What is asked of the publisher; one that offers best effort is heard with `best-effort` only."""
    latched: bool = False
    """Whether the last message is asked for by those who come late (durability transient local), as `/tf_static`."""
    align: Alignment = Alignment()
    features: tuple[FeatureRule, ...] = ()
    """What of it a dataset holds; empty: it is recorded, not converted."""


class GapThresholds(Contract):
    """When silence is a fault. A silence counts from 2.5 nominal periods of its topic on, if that is longer."""

    warning_s: float = Field(default=0.1, gt=0)
    """A silence longer than this is a gap, which is a warning."""
    error_s: float = Field(default=0.5, gt=0)
    """One gap longer than this is an error."""
    error_count: int = Field(default=5, ge=1)
    """This many gaps of a topic in an episode are an error."""


class RecordingConfig(YamlDocument):
    """How a robot is recorded and converted; YAML."""

    kind: Literal["recording-config"] = "recording-config"
    version: Literal[1] = 1
    robots: tuple[str, ...] = Field(min_length=1)
    """Names of the robots in the recording; several that work together are recorded into the same episodes."""
    task: str
    """What is done, in words that a language-conditioned policy is given."""
    rate_hz: float = Field(gt=0)
    """Rows per second in the dataset."""
    output: str
    """Where episodes are recorded: a folder of the robot, as a path or `file://` URI. `transfer` takes them further."""
    topics: tuple[TopicRule, ...] = Field(min_length=1)
    definitions: tuple[str, ...] = ()
    """Folders with `.msg` files of types that ROS 2 does not ship: `<package>/msg/<Type>.msg` below each."""
    start: tuple[Trigger, ...] = ()
    """What begins an episode; empty: it begins at once."""
    stop: tuple[Trigger, ...] = ()
    """What ends it; the first to fire decides its outcome."""
    outcome: Literal["success", "failure"] = "success"
    """Of an episode whose end says none."""
    min_free_gb: float = Field(default=2.0, ge=0)
    """Disk guard: recording stops while this much is still free, in 10^9 bytes."""
    gaps: GapThresholds = GapThresholds()
    compression: Literal["none", "lz4", "zstd"] = "zstd"
    """Of the chunks of the MCAP file; JPEG and video do not shrink further, raw images do."""
    chunk_s: float = Field(default=1.0, gt=0)
    """How much of the open episode a kill can cost at most."""
    queue_mb: float = Field(default=256.0, gt=0)
    """Messages that wait for the disk, in 10^6 bytes; what comes beyond is dropped, counted and told."""

    @property
    def robot(self) -> str:
        """The robots as one name."""
        return "+".join(self.robots)

    def rule(self, topic: str) -> TopicRule | None:
        """What is asked of a topic; None if it is not in the file."""
        return next((rule for rule in self.topics if rule.topic == topic), None)

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        topics = [rule.topic for rule in self.topics]
        _once("topic", topics)
        pictures = [(rule.topic, found.feature) for rule in self.topics for found in rule.features if not found.fields]
        _once("picture of topic", [topic for topic, _ in pictures])
        _once("camera", [feature for _, feature in pictures])
        for trigger in (*self.start, *self.stop):
            watched = getattr(trigger, "topic", None)
            if watched is not None and watched not in topics:
                raise ValueError(f"trigger on {watched!r}, which is no topic of the file: {', '.join(topics)}")
        return self


def _once(what: str, names: Iterable[str]) -> None:
    for name, times in Counter(names).items():
        if times > 1:
            raise ValueError(f"{what} {name!r} is there {times} times")
