"""At the end of an episode, whatever ends it, every message is written or counted."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from physai.data_pipeline.capture.buffer import Buffer
from physai.data_pipeline.capture.errors import DiskFullError
from physai.data_pipeline.capture.folder import episodes
from physai.data_pipeline.capture.live import LiveRecorder
from physai.data_pipeline.capture.sample import Sample
from physai.data_pipeline.capture.source import Channel, Health
from physai.infrastructure.contracts import RecordingConfig, TopicRule, TopicTrigger
from physai.infrastructure.ros2.definitions import Definitions

TOPIC, TYPE = "/count", "std_msgs/msg/Int32"
ROS = Definitions()


class Script:
    """Says what it is told to when it is started, and more when it is asked to finish."""

    def __init__(self, first: int, rest: int, lost: list[int | None]) -> None:
        self.channels = {TOPIC: Channel(TYPE, ROS.text(TYPE), has_header=False)}
        self.ended = False
        self._first, self._rest, self._lost = first, rest, lost
        self.said = 0

    def start(self, buffer: Buffer) -> None:
        self._buffer = buffer
        self.say(self._first)

    def say(self, times: int) -> None:
        for _ in range(times):
            now_ns, data = time.time_ns(), ROS.encode(ROS.build(TYPE, data=self.said))
            self._buffer.put(Sample(TOPIC, data, now_ns, now_ns))
            self.said += 1

    def serve(self, service: str, fire: Callable[[], None]) -> None:
        raise AssertionError(service)

    def now_ns(self) -> int:
        return time.time_ns()

    def health(self, *, settled: bool = False) -> Health:
        lost = self._lost.pop(0) if len(self._lost) > 1 else self._lost[0]
        return Health(lost=None if lost is None else {TOPIC: lost})

    def finish(self) -> None:
        if not self.ended:
            self.say(self._rest)  # what had arrived when it was asked to
            self.ended = True

    def close(self) -> None:
        """There is nothing to give back."""


def config(**changes: Any) -> RecordingConfig:
    facts = {"robots": ("arm",), "task": "t", "rate_hz": 10, "output": "x", "min_free_gb": 0.0}
    return RecordingConfig(**{**facts, "topics": (TopicRule(topic=TOPIC, type=TYPE),), **changes})


def test_what_arrives_while_the_recorder_is_being_stopped_is_written(tmp_path: Path) -> None:
    source = Script(3, 40, [0])
    report = LiveRecorder(config(), source, tmp_path, ROS, duration_s=0.1).run()
    (sidecar,) = episodes(tmp_path)
    assert source.said == 43
    assert (sidecar.messages[TOPIC], report.stopped_by) == (43, "the time asked for")
    assert (report.dropped, report.lost) == (0, 0)


def test_what_has_no_room_when_a_message_ends_the_episode_is_counted(tmp_path: Path) -> None:
    end = TopicTrigger(kind="topic", topic=TOPIC, field="data", at_least=5)
    source = Script(100, 0, [0])
    planned = config(stop=(end,), queue_mb=80e-6)  # ten messages of 8 bytes
    LiveRecorder(planned, source, tmp_path, ROS, max_episodes=1).run()
    (sidecar,) = episodes(tmp_path)
    assert (sidecar.messages[TOPIC], sidecar.topics[TOPIC].dropped) == (5, 90)  # 0 to 4, and 10 to 99


def test_what_waits_when_the_disk_is_full_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Script(3, 0, [0])
    free = iter([9e9, 9e9])

    def usage(_: Path) -> Any:
        found = next(free, None)
        if found is None:  # the guard looks after the queue was taken; meanwhile more arrives
            source.say(7)
        return type("Usage", (), {"free": found or 1e9})

    monkeypatch.setattr("physai.data_pipeline.capture.live.shutil.disk_usage", usage)
    with pytest.raises(DiskFullError):
        LiveRecorder(config(min_free_gb=2.0), source, tmp_path, ROS).run()
    (sidecar,) = episodes(tmp_path)
    assert (sidecar.messages[TOPIC], sidecar.topics[TOPIC].dropped) == (3, 7)


def test_what_was_on_its_way_when_the_episode_began_is_not_lost(tmp_path: Path) -> None:
    # at the opening 4 have not arrived, a second later 1 of them, and in the end 3
    source = Script(1, 0, [4, 1, 3])
    LiveRecorder(config(), source, tmp_path, ROS, duration_s=1.2).run()
    (sidecar,) = episodes(tmp_path)
    assert sidecar.topics[TOPIC].lost == 2
    assert [finding.what for finding in sidecar.findings] == ["lost"]


def test_a_source_that_cannot_tell_what_is_lost_says_so(tmp_path: Path) -> None:
    report = LiveRecorder(config(), Script(1, 0, [None]), tmp_path, ROS, duration_s=0.1).run()
    assert report.lost is None
    assert episodes(tmp_path)[0].topics[TOPIC].lost is None


def test_a_count_that_is_known_only_at_the_end_says_nothing_of_the_episode(tmp_path: Path) -> None:
    LiveRecorder(config(), Script(1, 0, [None, 5]), tmp_path, ROS, duration_s=0.1).run()
    assert episodes(tmp_path)[0].topics[TOPIC].lost is None
