"""An episode while it is recorded: its file, what is watched of it, and the sidecar at its end."""

import json
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from physai.infrastructure.contracts import Digest, Finding, Outcome, RawEpisode, RecordingConfig

from .folder import episode_path
from .monitor import Monitor
from .recorder import Recorder
from .sample import Sample
from .source import Channel

BEGUN = "physai.recording"
"""Metadata record at the beginning of a file: what a sidecar needs that messages do not tell."""
DONE = "physai.episode"
"""Metadata record at its end: the sidecar itself, but for the digest of the file."""
REAL = "real"


class OpenEpisode:
    """One episode. Leave it by `close`, or by `abandon`, which keeps what is there for `recover`."""

    def __init__(
        self,
        folder: Path,
        index: int,
        config: RecordingConfig,
        channels: dict[str, Channel],
        *,
        operator: str,
        note: str,
        started_ns: int,
        started_by: str,
        lost: dict[str, int] | None,
    ) -> None:
        self.index = index
        self.started_ns = started_ns
        self.monitor = Monitor(config, channels)
        self._config = config
        self._operator, self._note, self._started_by = operator, note, started_by
        self._lost_before = lost
        self._flushed_ns = started_ns
        self._path = episode_path(folder, index)
        self._stack = ExitStack()
        self._recorder = self._stack.enter_context(Recorder(self._path, compression=config.compression, keep=True))
        self._recorder.describe(self._begun(), BEGUN)
        for topic, channel in channels.items():
            self._recorder.add_channel(topic, channel.type, channel.definition)

    def write(self, sample: Sample) -> None:
        """Add a message."""
        self._recorder.write_raw(sample.topic, sample.data, sample.log_ns, sample.source_ns)
        self.monitor.see(sample)

    def drop(self, dropped: Counter[str]) -> None:
        """Count messages that were not written."""
        self.monitor.drop(dropped)

    def hear(self, lost: dict[str, int] | None) -> None:
        """Take note of what never arrived until now. What was only on its way when the episode began, is no loss."""
        if lost is not None and (before := self._lost_before) is not None:  # else nobody knows what was lost before it
            self._lost_before = {topic: min(count, before[topic]) for topic, count in lost.items()}

    def tick(self, now_ns: int) -> None:
        """Hand to the kernel what a kill must not cost."""
        if now_ns - self._flushed_ns >= self._config.chunk_s * 1e9:
            self._recorder.flush()
            self._flushed_ns = now_ns

    @property
    def size(self) -> int:
        """Bytes of the file so far."""
        return self._recorder.size

    def close(
        self, outcome: Outcome, by: str, now_ns: int, lost: dict[str, int] | None, more: tuple[Finding, ...] = ()
    ) -> RawEpisode:
        """End the episode: the file becomes whole, then the sidecar vouches for it.

        Args:
            outcome: What became of it.
            by: What ended it.
            now_ns: When.
            lost: Messages that never arrived since the source was opened, per topic; None if nobody can tell.
            more: Findings beyond those of the topics.
        """
        self.hear(lost)
        if lost is not None and self._lost_before is not None:
            self.monitor.lose({topic: count - self._lost_before[topic] for topic, count in lost.items()})
        facts = sidecar_facts(self._begun(), self.monitor, outcome=outcome, stopped_by=by, end_ns=now_ns, more=more)
        self._recorder.describe({"sidecar": json.dumps(facts)}, DONE)
        self._stack.close()
        return file_sidecar(self._path, facts, self._recorder.content)

    def abandon(self) -> None:
        """Let go of a file that cannot be written further."""
        self._stack.__exit__(OSError, OSError(), None)

    def _begun(self) -> dict[str, str]:
        return {
            "config": self._config.model_dump_json(),
            "operator": self._operator,
            "note": self._note,
            "started_by": self._started_by,
            "started_ns": str(self.started_ns),
        }


def sidecar_facts(
    begun: dict[str, str],
    monitor: Monitor,
    *,
    outcome: Outcome,
    stopped_by: str,
    end_ns: int,
    more: tuple[Finding, ...] = (),
) -> dict[str, object]:
    """All fields of a sidecar but those of the file, as JSON has them."""
    config = RecordingConfig.model_validate_json(begun["config"])
    started_ns = int(begun["started_ns"])
    topics = monitor.records()
    return {
        "task": config.task,
        "robot": config.robot,
        "world": REAL,
        "generator": begun["operator"],
        "seed": 0,
        "outcome": outcome,
        "started_at": datetime.fromtimestamp(started_ns / 1e9, UTC).isoformat(),
        "duration_s": max(0, end_ns - started_ns) / 1e9,
        "rate_hz": config.rate_hz,
        "messages": {topic: record.messages for topic, record in topics.items() if record.messages},
        "topics": {topic: record.model_dump() for topic, record in topics.items()},
        "config": config.digest,
        "note": begun["note"],
        "started_by": begun["started_by"],
        "stopped_by": stopped_by,
        "findings": [finding.model_dump() for finding in (*more, *monitor.findings(end_ns))],
    }


def file_sidecar(path: Path, facts: dict[str, object], content: Digest) -> RawEpisode:
    """Write the sidecar of a whole file."""
    sidecar = RawEpisode.model_validate_json(json.dumps({**facts, "file": path.name, "content": content}))
    sidecar.write(path.with_suffix(".json"))
    return sidecar
