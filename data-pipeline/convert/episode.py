"""The rows of one episode of a recording: which message each of them shows, and its numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.contracts import Outcome
from physai.infrastructure.datasets import Feature, camera, depth_camera, vector

from .errors import ImageError, NoFeaturesError, SkewError, TooShortError
from .grid import Pick, allowed_skew_s, common_grid, fixed_grid, pick, silence_s
from .scan import Scan, Track

STAMP, SKEW = "timing.stamp_ns", "timing.skew_s"


@dataclass(frozen=True)
class Span:
    """Where an episode lies in a recording."""

    start_ns: int
    end_ns: int
    """Header times, both included."""
    outcome: Outcome = "success"


@dataclass(frozen=True)
class Episode:
    """Rows on the grid; their images are still in the recording."""

    columns: dict[str, NDArray[Any]]
    grid_ns: NDArray[np.int64]
    picks: dict[str, Pick]
    """Topic → which message each row shows."""
    outcome: Outcome | None

    @property
    def rows(self) -> int:
        """Rows of the episode."""
        return len(self.grid_ns)

    @property
    def worst_skew_s(self) -> dict[str, float]:
        """Topic → how far the farthest message is from its row."""
        return {topic: float(found.skew_s.max()) for topic, found in self.picks.items()}


def features_of(scan: Scan, *, timing: bool) -> dict[str, Feature]:
    """Columns and cameras of a dataset, in the order of the config.

    Args:
        scan: What was found in the recording.
        timing: Add the time of each message that a row shows, and how far it is from the row.

    Raises:
        NoFeaturesError: If the config takes nothing, or one feature in two types.
        ImageError: If a video has no keyframe.
    """
    names: dict[str, list[str]] = {}
    types: dict[str, str] = {}
    features: dict[str, Feature] = {}
    for topic, track in scan.tracks.items():
        for numbers in track.numbers:
            feature, dtype = numbers.rule.feature, numbers.rule.dtype
            if types.setdefault(feature, dtype) != dtype:
                raise NoFeaturesError(f"'{feature}' is {types[feature]} and {dtype}")
            names.setdefault(feature, []).extend(numbers.names)
        if track.image is not None:
            features[track.image.feature] = _camera(scan, topic, track)
    columns = {feature: vector(found, types[feature]) for feature, found in names.items()}
    if not columns:
        raise NoFeaturesError("no topic has a feature with fields")
    if timing:
        columns |= {STAMP: vector(list(scan.tracks), "int64"), SKEW: vector(list(scan.tracks))}
    return columns | features


def align(scan: Scan, rate_hz: int, span: Span | None, *, max_skew_s: float | None, timing: bool) -> Episode:
    """Put one episode on a grid of header time.

    Args:
        scan: What was found in the recording.
        rate_hz: Rows per second.
        span: Where it lies; None: all of it, from when all topics have spoken until one falls silent.
        max_skew_s: How far from its row a message may be; None: by the config.
        timing: Add the columns of times.

    Raises:
        TooShortError: If the topics overlap in fewer than two rows. Only a topic without a rate may speak once.
        SkewError: If a message is too far from its row, or a topic ends before the others.
    """
    stamps = scan.stamps_ns
    common = common_grid(stamps, rate_hz)
    grid_ns = common if span is None else _within(common, span, rate_hz)
    once = [topic for topic, track in scan.tracks.items() if track.rule.rate_hz and len(stamps[topic]) < 2]
    if len(grid_ns) < 2 or once:
        raise TooShortError(scan.bag.path, {topic: len(times) for topic, times in stamps.items()})
    picks = {t: pick(stamps[t], grid_ns, rate_hz, _how(track)) for t, track in scan.tracks.items()}
    silence = silence_s(stamps) if span is None else dict.fromkeys(stamps, 0.0)
    for topic, track in scan.tracks.items():
        allowed = max_skew_s or track.rule.align.max_skew_s or allowed_skew_s(stamps[topic], rate_hz)
        if (worst := max(float(picks[topic].skew_s.max()), silence[topic])) > allowed:
            raise SkewError(scan.bag.path, topic, worst, allowed)
    columns = _columns(scan.tracks, picks)
    if timing:
        columns[STAMP] = np.stack([stamps[topic][found.before] for topic, found in picks.items()], axis=1)
        columns[SKEW] = np.stack([found.skew_s for found in picks.values()], axis=1).astype(np.float32)
    return Episode(columns, grid_ns, picks, span.outcome if span else None)


def _within(common: NDArray[np.int64], span: Span, rate_hz: int) -> NDArray[np.int64]:
    if not len(common):
        return common
    return fixed_grid(max(span.start_ns, int(common[0])), min(span.end_ns, int(common[-1])), rate_hz)


def _how(track: Track) -> Any:
    """Images, and numbers that are no measurements, are not interpolated."""
    exact = track.image is not None or any(rule.dtype in ("bool", "int64") for rule in track.rule.features)
    return "nearest" if exact and track.rule.align.how == "linear" else track.rule.align.how


def _columns(tracks: Mapping[str, Track], picks: Mapping[str, Pick]) -> dict[str, NDArray[Any]]:
    parts: dict[str, list[NDArray[Any]]] = {}
    for topic, track in tracks.items():
        found = picks[topic]
        for numbers in track.numbers:
            rows = numbers.rows(found.before, found.after, found.weight)
            parts.setdefault(numbers.rule.feature, []).append(rows)
    return {feature: np.concatenate(values, axis=1) for feature, values in parts.items()}


def _camera(scan: Scan, topic: str, track: Track) -> Feature:
    assert track.image is not None
    if track.shape is None:
        raise ImageError(scan.bag.path, topic, 0, "no keyframe in the whole recording")
    return depth_camera(*track.shape, track.unit) if track.unit else camera(*track.shape)
