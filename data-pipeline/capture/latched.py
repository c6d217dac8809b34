"""What was said once and holds until it is said anew: every episode begins with it."""

from typing import Any

from physai.infrastructure.contracts import RecordingConfig
from physai.infrastructure.ros2.definitions import Definitions
from physai.infrastructure.ros2.errors import BadMessageError

from .sample import Sample

TRANSFORMS = "tf2_msgs/msg/TFMessage"


class Latched:
    """The newest messages of the latched topics, one of each publisher.

    Of transforms, such as `/tf_static`, one of each child frame: each message there adds to the tree, and a frame has
    one parent. Source: REP 105; tf2_ros, `StaticTransformBroadcaster`.
    """

    def __init__(self, config: RecordingConfig, definitions: Definitions) -> None:
        self._types = {rule.topic: rule.type for rule in config.topics if rule.latched}
        self._definitions = definitions
        self._newest: dict[tuple[str, int | str], Sample] = {}

    def keep(self, sample: Sample) -> None:
        """Take note of a message; of a topic that is not latched, or of transforms that are none, nothing."""
        if sample.topic in self._types:
            for about in self._about(sample):
                self._newest.pop((sample.topic, about), None)  # so that the order is that of arrival
                self._newest[sample.topic, about] = sample

    @property
    def samples(self) -> list[Sample]:
        """In order of arrival."""
        return list(dict.fromkeys(self._newest.values()))

    def _about(self, sample: Sample) -> list[int | str]:
        if self._types[sample.topic] != TRANSFORMS:
            return [sample.publisher]
        try:
            message: Any = self._definitions.decode(TRANSFORMS, sample.data)
        except BadMessageError:  # it is recorded as it came; what it says of which frame, nobody knows
            return []
        return [transform.child_frame_id for transform in message.transforms]
