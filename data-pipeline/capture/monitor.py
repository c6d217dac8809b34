"""Watches the topics of an episode: how many, how late, and what is wrong with them."""

from collections import Counter
from statistics import median

from physai.infrastructure.contracts import Finding, GapThresholds, RecordingConfig, TopicRecord, TopicRule
from physai.infrastructure.ros2.definitions import header_ns

from .sample import Sample
from .source import Channel

LATE = 2.5  # nominal periods: one lost message is forgiven, two are a gap
JUMP_S = 0.5  # a clock that is off by this against the recorder's, from one message to the next, was set
OFFSETS = 4096  # of the first messages, enough for a median


class TopicMonitor:
    """One topic. Silence is judged by the recorder's clock, so that a clock that jumps is no gap."""

    def __init__(self, rule: TopicRule, gaps: GapThresholds, *, has_header: bool) -> None:
        self.rule = rule
        self._gaps_at = gaps
        self._has_header = has_header
        self._allowed_s = max(gaps.warning_s, LATE / rule.rate_hz) if rule.rate_hz else None
        self._offsets_s: list[float] = []
        self._least_offset_s = float("inf")
        self._jumps: list[Finding] = []
        self._first_ns: int | None = None
        self._last_ns: int | None = None
        self._log_ns: int | None = None
        self.messages = 0
        self.gaps = 0
        self.worst_gap_s = 0.0
        self.dropped = 0
        self.lost: int | None = None

    def see(self, sample: Sample) -> None:
        """Take note of a message."""
        stamp_ns = (header_ns(sample.data) if self._has_header else None) or sample.log_ns
        if not self.rule.latched:  # that holds until it is said anew, and may have been said long ago
            self._check_clock(stamp_ns, sample.log_ns)
        if self._log_ns is not None:
            self._check_silence((sample.log_ns - self._log_ns) / 1e9, (stamp_ns - (self._last_ns or 0)) / 1e9)
        self._first_ns = stamp_ns if self._first_ns is None else self._first_ns
        self._last_ns, self._log_ns = stamp_ns, sample.log_ns
        self.messages += 1

    def record(self) -> TopicRecord:
        """What is known of it."""
        return TopicRecord(
            type=self.rule.type,
            messages=self.messages,
            first_ns=self._first_ns,
            last_ns=self._last_ns,
            gaps=self.gaps,
            worst_gap_s=self.worst_gap_s,
            dropped=self.dropped,
            lost=self.lost,
            clock_offset_s=median(self._offsets_s) if self._offsets_s and self._has_header else None,
        )

    def findings(self, end_ns: int) -> list[Finding]:
        """What is wrong with it, if the episode ends at `end_ns` of the recorder's clock."""
        found = list(self._jumps)
        if not self.messages and self.rule.required:
            found.append(self._finding("error", "silent", f"no message of {self.rule.type}"))
        if self._log_ns is not None and self._allowed_s is not None:
            silence_s = (end_ns - self._log_ns) / 1e9
            if silence_s > max(self._gaps_at.error_s, self._allowed_s):
                found.append(self._finding("error", "died", f"silent for the last {silence_s:.2f} s"))
        if self.gaps:
            grave = self.gaps >= self._gaps_at.error_count or self.worst_gap_s > self._gaps_at.error_s
            detail = f"{self.gaps} gaps, the longest {self.worst_gap_s * 1000:.0f} ms"
            found.append(self._finding("error" if grave else "warning", "gaps", detail))
        if self.dropped:
            found.append(self._finding("error", "dropped", f"{self.dropped} messages: the disk did not keep up"))
        if self.lost:
            found.append(self._finding("error", "lost", f"{self.lost} messages never arrived"))
        return found

    def _check_silence(self, log_s: float, header_s: float) -> None:
        """Messages that were held up and come at once are late, not missing: both clocks must tell of a silence."""
        silence_s = min(log_s, header_s) if 0 <= header_s <= log_s + JUMP_S else log_s
        if self._allowed_s is not None and silence_s > self._allowed_s:
            self.gaps += 1
            self.worst_gap_s = max(self.worst_gap_s, silence_s)

    def _check_clock(self, stamp_ns: int, log_ns: int) -> None:
        """A header clock that goes back, or runs ahead of the least delay ever seen, was set."""
        offset_s = (log_ns - stamp_ns) / 1e9
        back_s = ((self._last_ns or 0) - stamp_ns) / 1e9
        if back_s > 0:
            self._jump(f"goes back by {back_s:.3f} s", offset_s)
        elif offset_s < self._least_offset_s - JUMP_S and self.messages:
            self._jump(f"jumps ahead by {self._least_offset_s - offset_s:.3f} s", offset_s)
        self._least_offset_s = min(self._least_offset_s, offset_s)
        if len(self._offsets_s) < OFFSETS:
            self._offsets_s.append(offset_s)

    def _jump(self, how: str, offset_s: float) -> None:
        self._jumps.append(self._finding("error", "clock-jump", f"header time {how} at message {self.messages}"))
        self._least_offset_s = offset_s

    def _finding(self, level: str, what: str, detail: str) -> Finding:
        return Finding.model_validate({"level": level, "topic": self.rule.topic, "what": what, "detail": detail})


class Monitor:
    """All topics of an episode: those of the config, heard or not, and what else a recording has."""

    def __init__(self, config: RecordingConfig, channels: dict[str, Channel]) -> None:
        rules = {rule.topic: rule for rule in config.topics}
        others = {t: TopicRule(topic=t, type=c.type, required=False) for t, c in channels.items() if t not in rules}
        self.topics = {
            topic: TopicMonitor(rule, config.gaps, has_header=topic in channels and channels[topic].has_header)
            for topic, rule in (rules | others).items()
        }

    def see(self, sample: Sample) -> None:
        """Take note of a message that is written."""
        self.topics[sample.topic].see(sample)

    def drop(self, dropped: Counter[str]) -> None:
        """Take note of messages that were not written."""
        for topic, messages in dropped.items():
            self.topics[topic].dropped += messages

    def lose(self, lost: dict[str, int]) -> None:
        """Take note of messages that never arrived, in all of the episode; until then nobody can tell."""
        for topic, messages in lost.items():
            self.topics[topic].lost = messages

    def records(self) -> dict[str, TopicRecord]:
        """What is known of each topic."""
        return {topic: monitor.record() for topic, monitor in self.topics.items()}

    def findings(self, end_ns: int) -> tuple[Finding, ...]:
        """What is wrong, errors first."""
        found = [finding for monitor in self.topics.values() for finding in monitor.findings(end_ns)]
        return tuple(sorted(found, key=lambda finding: finding.level != "error"))
