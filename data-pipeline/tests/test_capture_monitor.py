"""What a recording says about its own faults; times are counted by hand."""

import struct

from physai.data_pipeline.capture.monitor import Monitor
from physai.data_pipeline.capture.sample import Sample
from physai.data_pipeline.capture.source import Channel
from physai.infrastructure.contracts import Finding, RecordingConfig, TopicRule

TOPIC = "/joint_states"
BEGIN = 1_700_000_000 * 10**9
MS = 10**6


def sample(at_ms: float, stamp_ms: float | None = None) -> Sample:
    """A message that arrives at `at_ms`, of header time `stamp_ms`, by default 5 ms earlier."""
    stamp = BEGIN + int((at_ms - 5 if stamp_ms is None else stamp_ms) * MS)
    data = b"\0\1\0\0" + struct.pack("<iI", stamp // 10**9, stamp % 10**9)
    log = BEGIN + int(at_ms * MS)
    return Sample(TOPIC, data, log, log)


def watched(
    samples: list[Sample], end_ms: float, rate_hz: float | None = 20.0, *, latched: bool = False
) -> tuple[Monitor, tuple[Finding, ...]]:
    rule = TopicRule(topic=TOPIC, type="sensor_msgs/msg/JointState", rate_hz=rate_hz, latched=latched)
    config = RecordingConfig(robots=("arm",), task="t", rate_hz=10, output="x", topics=(rule,))
    monitor = Monitor(config, {TOPIC: Channel(rule.type, b"", has_header=True)})
    for one in samples:
        monitor.see(one)
    return monitor, monitor.findings(BEGIN + int(end_ms * MS))


def test_a_steady_topic_has_nothing_to_tell_but_its_offset() -> None:
    monitor, findings = watched([sample(50 * i) for i in range(20)], 1000)
    record = monitor.records()[TOPIC]
    assert findings == ()
    assert (record.messages, record.gaps) == (20, 0)
    assert record.first_ns == BEGIN - 5 * MS
    assert record.last_ns == BEGIN + 945 * MS
    assert record.clock_offset_s == 0.005


def test_one_lost_message_is_no_gap_and_two_are_a_warning() -> None:
    assert watched([sample(t) for t in (0, 50, 150, 200)], 250)[1] == ()  # 100 ms < 2.5 periods of 50 ms
    (finding,) = watched([sample(t) for t in (0, 50, 200, 250)], 250)[1]
    assert (finding.level, finding.what, finding.detail) == ("warning", "gaps", "1 gaps, the longest 150 ms")


def test_a_gap_beyond_half_a_second_is_an_error() -> None:
    (finding,) = watched([sample(t) for t in (0, 50, 601, 650)], 700)[1]
    assert (finding.level, finding.detail) == ("error", "1 gaps, the longest 551 ms")


def test_five_gaps_are_an_error_and_four_are_a_warning() -> None:
    assert watched([sample(150 * i) for i in range(5)], 600)[1][0].level == "warning"
    assert watched([sample(150 * i) for i in range(6)], 750)[1][0].level == "error"


def test_messages_that_were_held_up_and_come_at_once_are_no_gap() -> None:
    held_up = [sample(max(50 * i, 400), 50 * i - 5) for i in range(1, 9)]
    assert watched([sample(0), *held_up], 450)[1] == ()


def test_a_topic_that_dies_is_named() -> None:
    (finding,) = watched([sample(50 * i) for i in range(10)], 1200)[1]  # the last one at 450 ms
    assert (finding.level, finding.what, finding.detail) == ("error", "died", "silent for the last 0.75 s")


def test_a_topic_that_never_spoke_is_named() -> None:
    (finding,) = watched([], 1000)[1]
    assert (finding.level, finding.what, finding.topic) == ("error", "silent", TOPIC)


def test_a_clock_that_goes_back_is_named() -> None:
    (finding,) = watched([sample(0), sample(50), sample(100, 20), sample(150, 70)], 150)[1]
    assert (finding.what, finding.detail) == ("clock-jump", "header time goes back by 0.025 s at message 2")


def test_a_clock_that_jumps_ahead_is_no_gap_but_named() -> None:
    ahead = [sample(100 + 50 * i, 2100 + 50 * i - 5) for i in range(3)]
    (finding,) = watched([sample(0), sample(50), *ahead], 200)[1]
    assert (finding.what, finding.detail) == ("clock-jump", "header time jumps ahead by 2.000 s at message 2")


def test_a_message_without_header_time_is_dated_by_its_arrival() -> None:
    monitor, findings = watched([Sample(TOPIC, b"\0\1\0\0", BEGIN, BEGIN)], 100)
    assert monitor.records()[TOPIC].first_ns == BEGIN
    assert findings == ()


def test_what_is_latched_may_have_been_said_long_ago_and_out_of_turn() -> None:
    old = [sample(0, -60_000), sample(0, -90_000), sample(400, 395)]
    monitor, findings = watched(old, 2000, None, latched=True)
    assert findings == ()
    assert monitor.records()[TOPIC].clock_offset_s is None
