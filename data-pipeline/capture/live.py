"""Records a robot: messages in, one file per episode out, until it is told to stop."""

import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from physai.infrastructure.contracts import Contract, Finding, Outcome, RawEpisode, RecordingConfig
from physai.infrastructure.ros2.definitions import Definitions

from .buffer import Buffer
from .errors import DiskFullError, WriteError
from .folder import episodes, locked, next_index, note_index, settle
from .latched import Latched
from .open_episode import OpenEpisode
from .recover import RecoverReport, recover_locked
from .source import Source
from .status import LiveStatus, Meter, write_status
from .switch import Change, Switch

STEP_S = 0.05  # how long a quiet source delays a trigger, at most
SECOND_NS = 10**9
BY_HAND, BY_SOURCE, BY_DISK, BY_COUNT = "the operator", "the end of the source", "the disk guard", "the time asked for"


class LiveReport(Contract):
    """What a recorder did."""

    folder: str
    robot: str
    recorded: tuple[str, ...]
    """Files of this run."""
    messages: int
    dropped: int
    """Messages of them that arrived and were not written; the sidecars say of which topics."""
    lost: int | None
    """Messages of them that were said and never arrived; None if the source cannot tell."""
    errors: int
    """Findings of level `error` in their sidecars."""
    recovered: RecoverReport
    """What an earlier run left, saved at the start."""
    stopped_by: str


class LiveRecorder:
    """A robot being recorded into a folder."""

    def __init__(
        self,
        config: RecordingConfig,
        source: Source,
        folder: Path,
        definitions: Definitions,
        *,
        operator: str = "operator",
        note: str = "",
        max_episodes: int | None = None,
        duration_s: float | None = None,
        show: Callable[[LiveStatus], None] | None = None,
    ) -> None:
        """Make ready.

        Args:
            config: What to record.
            source: Where messages come from.
            folder: Where episodes go.
            definitions: Of the message types.
            operator: Who moves the robot.
            note: Goes into every sidecar.
            max_episodes: End after so many.
            duration_s: End after so long.
            show: Told once a second how it goes.
        """
        self._config, self._source, self._folder = config, source, folder
        self._operator, self._note = operator, note
        self._max_episodes, self._duration_s, self._show = max_episodes, duration_s, show
        types = {topic: channel.type for topic, channel in source.channels.items()}
        self.switch = Switch(config, definitions, types, source.now_ns())
        self.stop = threading.Event()
        """Ends the run, as Ctrl-C does; any thread may set it."""
        self._buffer = Buffer(int(config.queue_mb * 1e6))
        self._meter = Meter(source.channels)
        self._latched = Latched(config, definitions)
        self._open: OpenEpisode | None = None
        self._stopped_by = ""
        self._written: list[RawEpisode] = []

    def run(self) -> LiveReport:
        """Record until told to stop, or the source ends.

        Raises:
            BusyError: If another process records into the folder.
            CaptureError: If the folder is not for these recordings, or the disk is full.
        """
        try:
            with locked(self._folder):
                settle(self._folder, self._config)
                recovered = recover_locked(self._folder)
                self._index = next_index(self._folder)
                self._before = len(episodes(self._folder))
                self._check_disk()
                begin_ns = self._source.now_ns()  # before the first message: a playback may be over in a moment
                self._source.start(self._buffer)
                return self._report(recovered, self._loop(begin_ns))
        except OSError as error:
            raise WriteError(self._folder, error.strerror or str(error)) from error
        finally:
            if self._open:  # an exception is on its way
                self._abandon()
            self._buffer.close()
            self._source.close()

    def _loop(self, begin_ns: int) -> str:
        begun_ns = second_ns = time.monotonic_ns()
        self._turn(self.switch.poll(begin_ns), begin_ns)
        while True:
            ended = self._source.ended  # asked before the buffer, so that nothing comes after it
            self._take()
            now_ns = self._source.now_ns()
            self._turn(self.switch.poll(now_ns), now_ns)
            if self._open:
                self._open.tick(now_ns)
            if time.monotonic_ns() - second_ns >= SECOND_NS:
                second_ns = time.monotonic_ns()
                self._tell(now_ns)
                self._check_disk()
            if not self._stopped_by:
                self._stopped_by = self._why_stop((time.monotonic_ns() - begun_ns) / 1e9)
                stopped_ns = now_ns
                if self._stopped_by:
                    self._source.finish()  # what has arrived by now still belongs to the episode
            if ended:
                by = self._stopped_by or BY_SOURCE
                self._close(
                    "interrupted" if by == BY_HAND and self._config.stop else self._config.outcome, by, stopped_ns
                )
                self._tell(now_ns)
                return by

    def _take(self) -> None:
        samples, dropped = self._buffer.take(STEP_S)
        counted = self._drop(dropped)  # before a message that ends the episode
        for sample in samples:
            self._turn(self.switch.see(sample), sample.log_ns)
            if self._open:
                self._open.write(sample)
            self._latched.keep(sample)
        self._meter.see(samples, dropped)
        if not counted:
            self._drop(dropped)

    def _drop(self, dropped: Counter[str]) -> bool:
        if self._open:
            self._open.drop(dropped)
        return self._open is not None

    def _why_stop(self, ran_s: float) -> str:
        if self.stop.is_set():
            return BY_HAND
        full = self._max_episodes is not None and len(self._written) >= self._max_episodes
        return BY_COUNT if full or (self._duration_s is not None and ran_s >= self._duration_s) else ""

    def _turn(self, change: Change | None, now_ns: int) -> None:
        if change is None:
            return
        if change.to == "idle":
            self._close(change.outcome, change.by, now_ns)
        elif not self._stopped_by and (self._max_episodes is None or len(self._written) < self._max_episodes):
            note_index(self._folder, self._index)
            self._open = OpenEpisode(
                self._folder,
                self._index,
                self._config,
                self._source.channels,
                operator=self._operator,
                note=self._note,
                started_ns=now_ns,
                started_by=change.by,
                lost=self._source.health(settled=True).lost,
            )
            self._index += 1
            for sample in self._latched.samples:
                self._open.write(replace(sample, log_ns=now_ns))

    def _close(self, outcome: Outcome, by: str, now_ns: int, more: tuple[Finding, ...] = ()) -> None:
        if self._open:
            lost = self._source.health(settled=True).lost
            self._written.append(self._open.close(outcome, by, now_ns, lost, more))
            self._open = None

    def _abandon(self) -> None:
        assert self._open is not None
        try:
            self._open.abandon()
        except OSError:  # closing writes what is buffered, and the disk is full: the first error is the one to tell
            return
        finally:
            self._open = None

    def _check_disk(self) -> None:
        """Stop while there is still room to end the episode properly."""
        free_gb = shutil.disk_usage(self._folder).free / 1e9
        if free_gb >= self._config.min_free_gb:
            return
        samples, dropped = self._buffer.take(0)
        self._drop(dropped + Counter(sample.topic for sample in samples))
        finding = Finding(level="error", what="disk", detail=f"stopped with {free_gb:.2f} GB free")
        self._close("interrupted", BY_DISK, self._source.now_ns(), (finding,))
        raise DiskFullError(self._folder, free_gb, self._config.min_free_gb)

    def _tell(self, now_ns: int) -> None:
        health = self._source.health()
        if self._open:
            self._open.hear(health.lost)
        status = self._meter.status(
            self._folder,
            health,
            episode=self._open.index if self._open else None,
            episode_s=(now_ns - self._open.started_ns) / 1e9 if self._open else 0.0,
            recorded=self._before + len(self._written),
        )
        write_status(self._folder, status)
        if self._show:
            self._show(status)

    def _report(self, recovered: RecoverReport, stopped_by: str) -> LiveReport:
        topics = Counter[str]()
        for sidecar in self._written:
            topics.update(messages=sum(sidecar.messages.values()))
            topics.update(dropped=sum(topic.dropped for topic in sidecar.topics.values()))
            topics.update(errors=sum(finding.level == "error" for finding in sidecar.findings))
        lost = [topic.lost for sidecar in self._written for topic in sidecar.topics.values()]
        return LiveReport(
            folder=str(self._folder),
            robot=self._config.robot,
            recorded=tuple(sidecar.file for sidecar in self._written),
            messages=topics["messages"],
            dropped=topics["dropped"],
            lost=None if None in lost else sum(filter(None, lost)),
            errors=topics["errors"],
            recovered=recovered,
            stopped_by=stopped_by,
        )
