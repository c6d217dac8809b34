"""Recordings become one LeRobot v3.0 dataset, which appears whole or not at all."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from math import isfinite
from pathlib import Path

from physai.infrastructure.contracts import Digest, DroppedEpisode, EpisodeSource, RecordingConfig
from physai.infrastructure.datasets import Dataset, DatasetWriter, Feature
from physai.infrastructure.datasets.depth import LEROBOT, PER_M
from physai.infrastructure.datasets.stats import Stats

from .append import check_same, copy_all, exchange, longer, told
from .bag import open_bag
from .boundaries import spans_of
from .clips import make_clips
from .episode import Episode, align, features_of
from .errors import MixedEpisodesError, NoEpisodesError, RateError, RecordingError
from .report import ConvertReport, EpisodeTiming, timing_of
from .rules import Options, simulated
from .scan import Scan
from .sources import Recorded, find_recordings

RATE_TOLERANCE_HZ = 0.01  # a control period of 0.0333 s is meant as 30 Hz

Track = Callable[[Iterable[Recorded]], Iterable[Recorded]]


def convert(folder: Path, output: Path, options: Options | None = None, *, track: Track = iter) -> ConvertReport:
    """Convert all recordings of a folder, in order of their names.

    Args:
        folder: Recordings with their sidecars, rosbag2 folders, or one MCAP file.
        output: Where the dataset appears.
        options: How.
        track: Wraps the recordings to show progress.

    Raises:
        NoEpisodesError: If there is nothing to convert.
        RecordingError: If a recording is unfit, unless `skip_damaged`.
        MixedEpisodesError: If recordings do not belong into one dataset.
        OtherDatasetError: If they cannot be appended.
    """
    options = options or Options()
    recordings = find_recordings(folder, options.config)
    grows = options.append and output.exists()
    target = longer(output) if grows else output
    try:
        conversion = Conversion(recordings, target, options, base=output if grows else None)
        with conversion:
            for recorded in track(recordings):
                conversion.add(recorded)
            conversion.check_any(folder)
        if grows:
            exchange(target, output)
    finally:
        if grows:
            shutil.rmtree(target, ignore_errors=True)
    return conversion.report(Dataset(output))


class Conversion:
    """One conversion; a context manager that ends with the dataset, or with nothing."""

    def __init__(self, recordings: list[Recorded], target: Path, options: Options, base: Path | None) -> None:
        self._target, self._options, self._base = target, options, base
        self._first = recordings[0]
        self._config = options.config or _config_of(self._first, options)
        self._fps = _whole(self._config.rate_hz if options.rate_hz is None else options.rate_hz)
        self._stack = ExitStack()
        self._writer: DatasetWriter | None = None
        self._features: dict[str, Feature] = {}
        self._base_episodes = 0
        self._worst: dict[str, float] = {}
        self._reasons: list[str] = []
        self._timing: list[EpisodeTiming] = []
        self._dropped: list[DroppedEpisode] = []

    def __enter__(self) -> "Conversion":
        self._stack.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.__exit__(*error)  # type: ignore[arg-type]  # passed on as it came

    def add(self, recorded: Recorded) -> None:
        """Convert one recording.

        Raises:
            RecordingError: If it is unfit, unless such are left out.
            MixedEpisodesError: If it does not belong into the dataset.
        """
        self._check_same(recorded)
        try:
            digest = recorded.digest()
            config = self._options.config or _config_of(recorded, self._options)
            scan = Scan(open_bag(recorded.path), config, self._options.markers)
            recorded.check(scan)
            self._add(recorded, scan, digest)
        except RecordingError as error:
            if not self._options.skip_damaged:
                raise
            source = recorded.raw.content if recorded.raw else recorded.digest()
            self._dropped.append(DroppedEpisode(source=source, reason=error.detail))

    def check_any(self, folder: Path) -> None:
        """Refuse a dataset to which nothing was added.

        Raises:
            NoEpisodesError: If all recordings are unfit.
        """
        if self._writer is None or self._writer.num_episodes == self._base_episodes:
            raise NoEpisodesError(folder, f"all {len(self._dropped)} recordings are damaged")
        self._writer.dropped += self._dropped

    def report(self, dataset: Dataset) -> ConvertReport:
        """What was done."""
        assert self._writer is not None
        reasons = [*self._reasons, *(f"left out {drop.source}: {drop.reason}" for drop in self._dropped)]
        return ConvertReport(
            verdict="WARN" if reasons else "PASS",
            reasons=tuple(reasons),
            dataset=str(dataset.root),
            content=dataset.required_provenance.content,
            episodes=dataset.num_episodes,
            rows=dataset.info.total_frames,
            rate_hz=dataset.fps,
            frames=self._writer.frames,
            worst_skew_s=self._worst,
            dropped=dataset.required_provenance.dropped,
            timing=tuple(self._timing),
        )

    def _add(self, recorded: Recorded, scan: Scan, digest: Digest) -> None:
        timing = self._options.config is not None
        spans = spans_of(scan, self._options)
        skew = self._options.max_skew_s
        episodes = [align(scan, self._fps, span, max_skew_s=skew, timing=timing) for span in spans]
        writer = self._opened(recorded, features_of(scan, timing=timing))
        try:
            clips = make_clips(scan, episodes, writer.num_episodes, writer.scratch, self._fps)
            for episode, found in zip(episodes, clips, strict=True):
                files = {camera: path for camera, (path, _) in found.items()}
                stats = {camera: stats for camera, (_, stats) in found.items()}
                number = writer.num_episodes
                source = self._source(recorded, digest, episode)
                writer.add_clips(episode.columns, files, stats, source=source, task=self._config.task)
                self._note(number, recorded, episode)
                self._reasons += [f"{recorded.path.name}: {detail}" for detail in _too_far(self._features, stats)]
        finally:
            shutil.rmtree(writer.scratch)

    def _opened(self, recorded: Recorded, features: dict[str, Feature]) -> DatasetWriter:
        if self._writer is None:
            if self._base is not None:
                check_same(self._base, self._fps, self._config.robot, features)
            self._features = features
            self._writer = self._stack.enter_context(
                DatasetWriter(
                    self._target, fps=self._fps, features=features, robot=self._config.robot, task=self._config.task
                )
            )
            if self._base is not None:
                copy_all(self._base, self._writer)
                self._base_episodes = self._writer.num_episodes
        elif features != self._features:
            raise MixedEpisodesError(recorded.name, *_difference(features, self._features))
        return self._writer

    def _note(self, number: int, recorded: Recorded, episode: Episode) -> None:
        for topic, skew_s in episode.worst_skew_s.items():
            self._worst[topic] = max(skew_s, self._worst.get(topic, 0.0))
        self._timing.append(timing_of(number, recorded.path, episode))
        if recorded.raw is None:
            return
        if recorded.raw.outcome == "interrupted":
            self._reasons.append(f"{recorded.path.name}: recording was interrupted")
        self._reasons += [f"{recorded.path.name}: {f.topic} {f.detail}".strip() for f in recorded.raw.findings]

    def _source(self, recorded: Recorded, digest: Digest, episode: Episode) -> EpisodeSource:
        raw = recorded.raw
        return EpisodeSource(
            episode=0,  # set by the writer
            source=digest,
            generator=raw.generator if raw else "unknown",
            world=raw.world if raw else "real",
            seed=raw.seed if raw else 0,
            outcome=episode.outcome or (raw.outcome if raw else self._config.outcome),
        )

    def _check_same(self, recorded: Recorded) -> None:
        """Refuse an episode of another robot, task or rate."""
        raw, first = recorded.raw, self._first.raw
        if raw is None or first is None:
            return
        for name in ("robot", "task") if self._options.rate_hz else ("robot", "task", "rate_hz"):
            if getattr(raw, name) != getattr(first, name):
                raise MixedEpisodesError(recorded.name, name, getattr(raw, name), getattr(first, name))


def _config_of(recorded: Recorded, options: Options) -> RecordingConfig:
    assert recorded.raw is not None, "found without a config"
    return simulated(recorded.raw, velocities=options.velocities)


def _whole(rate_hz: float) -> int:
    if not isfinite(rate_hz) or abs(rate_hz - round(rate_hz)) > RATE_TOLERANCE_HZ or round(rate_hz) < 1:
        raise RateError(rate_hz)
    return round(rate_hz)


def _too_far(features: Mapping[str, Feature], stats: Mapping[str, Stats]) -> Iterator[str]:
    """Depth cameras that saw farther than their scale goes."""
    for camera, seen in stats.items():
        unit = features[camera].depth_unit
        if unit and (most_m := float(seen["max"].max()) / PER_M[unit]) > LEROBOT.depth_max:
            yield f"{camera} saw as far as {most_m:.1f} m, LeRobot's scale ends at {LEROBOT.depth_max:g} m"


def _difference(found: dict[str, Feature], first: dict[str, Feature]) -> tuple[str, object, object]:
    """The first feature that differs: its name, what it is here, what it was."""
    for name in sorted(found.keys() | first.keys()):
        here, before = found.get(name), first.get(name)
        if here != before:
            return f"feature '{name}'", told(here), told(before)
    raise AssertionError("no difference")
