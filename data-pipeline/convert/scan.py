"""The first reading of a recording: all numbers, and of images their times."""

from array import array
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.contracts import RecordingConfig, TopicRule
from physai.infrastructure.datasets.depth import Unit

from .bag import Bag, Raw
from .depth import first_depth
from .errors import ClockError, ClockJumpError, DuplicateStampError, MissingTopicError, UndefinedTypeError
from .images import VIDEO, is_keyframe, size_of
from .layout import Layout, LayoutError
from .numbers import Numbers
from .types import header_ns

JUMP_S = 1.0
"""How far header time may run ahead of the recorder's clock from one message to the next; a network delays less."""
OUTCOME = "/episode/outcome"


class Track:
    """What was said on one topic."""

    def __init__(self, bag: Bag, rule: TopicRule) -> None:
        self.rule = rule
        self.numbers = [Numbers(bag.path, rule.topic, r) for r in rule.features if r.fields]
        self.image = next((r for r in rule.features if not r.fields), None)
        self._bag = bag
        self._has_header = False
        self._layout: Layout | None = None
        self.shape: tuple[int, int] | None = None
        """Height and width of its images."""
        self.unit: Unit | None = None
        """Of depth images."""
        self.keyframes = array("b")
        """Of video: whether each message can be decoded by itself."""
        self._stamps, self._logs = array("q"), array("q")

    @property
    def stamps_ns(self) -> NDArray[np.int64]:
        """Header times, shape (N,), ascending; log times for a type without a header."""
        return np.frombuffer(self._stamps, np.int64)

    def add(self, raw: Raw) -> None:
        """Take the next message.

        Raises:
            RecordingError: If it is unfit.
        """
        if self._layout is not None and self._layout.fits(raw.data):
            self._time(raw)
            for numbers in self.numbers:
                numbers.add_raw(raw.data)
            return
        first = not self._stamps
        if first and (found := self._bag.type_of(raw.topic)) != self.rule.type:
            raise UndefinedTypeError(self._bag.path, raw.topic, found, f"expected {self.rule.type}")
        is_video = self.rule.type == VIDEO
        message = self._bag.decode(raw) if self.numbers or first or is_video else None
        if first:
            self._has_header = hasattr(message, "header") or is_video
        self._time(raw)
        if self.image is not None and self.shape is None:
            self._describe(raw.topic, message or self._bag.decode(raw))
        if is_video:
            self.keyframes.append(is_keyframe(message))
        for numbers in self.numbers:
            numbers.add(message)
        if first and self.numbers and self.image is None:
            self._learn(raw)

    def _describe(self, topic: str, message: Any) -> None:
        """Tell the size of images, and the unit of depth, by the first that tells."""
        assert self.image is not None
        if self.image.dtype == "depth":
            self.shape, self.unit = first_depth(self._bag.path, topic, message, self.image.unit)
        else:
            self.shape = size_of(self._bag.path, topic, len(self._stamps) - 1, message)

    def _learn(self, raw: Raw) -> None:
        """Find the numbers in the bytes of a message; the next of the same layout are read there."""
        with suppress(LayoutError):
            layout = self._bag.layout(raw)
            if all(numbers.learn(layout, raw.data) for numbers in self.numbers):
                self._layout = layout

    def _time(self, raw: Raw) -> None:
        stamp = header_ns(raw.data) if self._has_header else raw.log_ns
        if self._stamps:
            self._check(raw.topic, stamp, self._stamps[-1], raw.log_ns - self._logs[-1])
        self._stamps.append(stamp)
        self._logs.append(raw.log_ns)

    def _check(self, topic: str, stamp: int, before: int, log_step_ns: int) -> None:
        if stamp < before:
            raise ClockError(self._bag.path, topic, stamp, before)
        if stamp == before:
            raise DuplicateStampError(self._bag.path, topic, len(self._stamps), stamp)
        ahead_s = (stamp - before - log_step_ns) / 1e9
        if ahead_s > JUMP_S:
            raise ClockJumpError(self._bag.path, topic, len(self._stamps), ahead_s)


class Scan:
    """All that a dataset needs of a recording, but for the images."""

    def __init__(self, bag: Bag, config: RecordingConfig, markers: str | None = None) -> None:
        """Read the recording.

        Args:
            bag: The recording.
            config: What of it is wanted.
            markers: Topic that tells where episodes begin and end.

        Raises:
            RecordingError: If it is damaged or unfit.
        """
        self.bag, self.config = bag, config
        self.outcomes: list[str] = []
        self.marks: list[tuple[int, Any]] = []
        """Log time and content of the messages on the topic of markers."""
        self.counts: dict[str, int] = {}
        rules = {rule.topic: rule for rule in config.topics if rule.features}
        self.tracks: dict[str, Track] = {}
        wanted = {*rules, OUTCOME, *([markers] if markers else [])}
        for raw in bag.messages(lambda topic: topic in wanted):
            self.counts[raw.topic] = self.counts.get(raw.topic, 0) + 1
            if raw.topic in rules:
                track = self.tracks.get(raw.topic) or self.tracks.setdefault(raw.topic, Track(bag, rules[raw.topic]))
                track.add(raw)
            if raw.topic == OUTCOME:
                self.outcomes.append(str(bag.decode(raw).data))
            if raw.topic == markers:
                self.marks.append((raw.log_ns, bag.decode(raw).data))
        for topic in rules:
            if topic not in self.tracks:
                raise MissingTopicError(bag.path, topic, list(self.tracks))
        self.tracks = {topic: self.tracks[topic] for topic in rules}  # whoever spoke first, elements come in one order

    @property
    def stamps_ns(self) -> Mapping[str, NDArray[np.int64]]:
        """Topic → header times."""
        return {topic: track.stamps_ns for topic, track in self.tracks.items()}

    @property
    def cameras(self) -> dict[str, str]:
        """Topic of images → feature."""
        return {topic: track.image.feature for topic, track in self.tracks.items() if track.image}
