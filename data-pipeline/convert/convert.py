"""A folder of recordings becomes one LeRobot v3.0 dataset."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path

from physai.infrastructure.contracts import Contract, Digest, DroppedEpisode, EpisodeSource, RawEpisode, digest_file
from physai.infrastructure.datasets import Dataset, DatasetWriter, Feature
from physai.infrastructure.errors import MissingFileError

from .episode import Episode, align
from .errors import (
    ChangedRecordingError,
    MessagesError,
    MixedEpisodesError,
    NoEpisodesError,
    OutcomeError,
    RateError,
    RecordingError,
)
from .recording import Recording

RATE_TOLERANCE_HZ = 0.01  # a control period of 0.0333 s is meant as 30 Hz


Track = Callable[[Iterable[tuple[Path, RawEpisode]]], Iterable[tuple[Path, RawEpisode]]]


class ConvertReport(Contract):
    """What a conversion did."""

    dataset: str
    content: Digest
    """The dataset's identity."""
    episodes: int
    rows: int
    rate_hz: int
    frames: dict[str, int]
    """Camera → frames read back from its video; as many as rows."""
    worst_skew_s: dict[str, float]
    """Topic → age of the oldest value that was held for a row, over all episodes."""
    dropped: tuple[DroppedEpisode, ...]


def convert(
    folder: Path,
    output: Path,
    *,
    rate_hz: float | None = None,
    velocities: bool = False,
    max_skew_s: float | None = None,
    skip_damaged: bool = False,
    track: Track = iter,
) -> ConvertReport:
    """Convert all recordings of a folder, in order of their names.

    Args:
        folder: `episode-*.mcap` with their sidecars.
        output: Where the dataset appears.
        rate_hz: Rows per second; default: the sidecars' control rate.
        velocities: Add joint velocities to `observation.state`.
        max_skew_s: How old a held value may be; default: 1.5 periods of its topic.
        skip_damaged: Leave unfit recordings out, and say so in the provenance, instead of stopping.
        track: Wraps the episodes to show progress.

    Raises:
        NoEpisodesError: If there is nothing to convert.
        RecordingError: If a recording is unfit, unless `skip_damaged`.
        MixedEpisodesError: If recordings do not belong into one dataset.
    """
    sidecars = _sidecars(folder)
    raws = [(path, RawEpisode.read(path)) for path in sidecars]
    fps = _whole(raws[0][1].rate_hz if rate_hz is None else rate_hz)
    worst: dict[str, float] = {}
    dropped: list[DroppedEpisode] = []
    writer: DatasetWriter | None = None
    with ExitStack() as stack:
        for path, raw in track(raws):
            _check_same(path, raw, raws[0][1], ignore_rate=rate_hz is not None)
            try:
                episode = align(_recording(path, raw), fps, velocities=velocities, max_skew_s=max_skew_s)
            except RecordingError as error:
                if not skip_damaged:
                    raise
                dropped.append(DroppedEpisode(source=raw.content, reason=error.detail))
                continue
            if writer is None:
                writer = stack.enter_context(
                    DatasetWriter(output, fps=fps, features=episode.features, robot=raw.robot, task=raw.task)
                )
                features = episode.features
            elif episode.features != features:
                raise MixedEpisodesError(path, *_difference(episode, features))
            worst |= {topic: max(age, worst.get(topic, 0.0)) for topic, age in episode.worst_skew_s.items()}
            writer.add_episode(episode.columns, episode.videos, source=_source(raw))
        if writer is None:
            raise NoEpisodesError(folder, f"all {len(dropped)} recordings are damaged")
        writer.dropped = dropped
    return _report(Dataset(output), writer.frames, worst)


def _sidecars(folder: Path) -> list[Path]:
    """Sidecars in order of their names; a recording without one was cut off.

    Raises:
        NoEpisodesError: If there is none.
        MissingFileError: If a recording has no sidecar, or a sidecar no recording.
    """
    if not folder.is_dir():
        raise NoEpisodesError(folder, "no such folder")
    recordings = {path.with_suffix("") for path in folder.glob("*.mcap")}
    sidecars = {path.with_suffix("") for path in folder.glob("episode-*.json")}
    if not recordings | sidecars:
        raise NoEpisodesError(folder, "no recordings (*.mcap) in it")
    for path in sorted(recordings ^ sidecars):
        suffix, what = (".json", "sidecar") if path in recordings else (".mcap", "recording")
        raise MissingFileError(path.with_suffix(suffix), what, "Record the episode again, or remove its other file.")
    return [path.with_suffix(".json") for path in sorted(sidecars)]


def _recording(sidecar: Path, raw: RawEpisode) -> Recording:
    """The recording of a sidecar, byte for byte the one it speaks of.

    Raises:
        RecordingError: If it is another, or unfit.
    """
    path = sidecar.with_name(raw.file)
    if (found := digest_file(path)) != raw.content:
        raise ChangedRecordingError(path, found, raw.content)
    recording = Recording(path)
    for topic, messages in recording.messages.items():
        if messages != raw.messages.get(topic, 0):
            raise MessagesError(path, topic, messages, raw.messages.get(topic, 0))
    if recording.outcome not in (None, raw.outcome):
        raise OutcomeError(path, str(recording.outcome), raw.outcome)
    return recording


def _check_same(path: Path, raw: RawEpisode, first: RawEpisode, *, ignore_rate: bool) -> None:
    """Refuse an episode of another robot, task or rate."""
    for name in ("robot", "task") if ignore_rate else ("robot", "task", "rate_hz"):
        if getattr(raw, name) != getattr(first, name):
            raise MixedEpisodesError(path, name, getattr(raw, name), getattr(first, name))


def _whole(rate_hz: float) -> int:
    if abs(rate_hz - round(rate_hz)) > RATE_TOLERANCE_HZ or round(rate_hz) < 1:
        raise RateError(rate_hz)
    return round(rate_hz)


def _difference(episode: Episode, features: dict[str, Feature]) -> tuple[str, object, object]:
    """The first feature that differs: its name, what it is here, what it was."""
    for name in sorted(episode.features.keys() | features.keys()):
        found, first = episode.features.get(name), features.get(name)
        if found != first:
            return f"feature '{name}'", found and (found.shape, found.names), first and (first.shape, first.names)
    raise AssertionError("no difference")


def _source(raw: RawEpisode) -> EpisodeSource:
    return EpisodeSource(
        episode=0,  # set by the writer
        source=raw.content,
        generator=raw.generator,
        world=raw.world,
        seed=raw.seed,
        outcome=raw.outcome,
    )


def _report(dataset: Dataset, frames: dict[str, int], worst_skew_s: dict[str, float]) -> ConvertReport:
    provenance = dataset.required_provenance
    return ConvertReport(
        dataset=str(dataset.root),
        content=provenance.content,
        episodes=dataset.num_episodes,
        rows=dataset.info.total_frames,
        rate_hz=dataset.fps,
        frames=frames,
        worst_skew_s=worst_skew_s,
        dropped=provenance.dropped,
    )
