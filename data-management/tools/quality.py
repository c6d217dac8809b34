"""How good each demonstration is, with the reason, and how varied a dataset is.

Scores are between 0 and 1, more is better, `idle` apart: it is the share of time in which nothing moved. What a score
rests on is in `reasons`. Motion is judged on `observation.state`, on `action` where there is none, each channel in
units of its own spread over the dataset, so that radians and metres weigh the same.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.aside import write_whole
from physai.infrastructure.contracts import Contract, Digest, Document
from physai.infrastructure.datasets import Dataset, video
from physai.infrastructure.datasets.info import INDEX_FEATURES, NUMBERS, QUALITY

from .outcome import outcomes

Track = Callable[[Iterable[int]], Iterable[int]]
Points = NDArray[np.float64]

WINDOW_S = 1.0
MIN_JERK = 720 / 1.875**2
"""Dimensionless jerk of a minimum-jerk movement, 204.8: 720 D²/T⁵ of squared jerk, peak speed 1.875 D/T.
Source: Flash and Hogan 1985; Hogan and Sternad 2009, doi:10.1080/00222890903187247, eq. 5."""
ROUGHEST = 8.0  # in logarithms above minimum jerk: white noise of 5 % on a movement at 20 Hz
STILL = 0.05  # of the episode's fast speed (95th percentile)
MOVES = 0.02  # of a channel's spread, per second: slower is no movement at all
BINS = 10  # per axis, of the two main axes of the dataset's states
SHARP_SAMPLES = 5
RESAMPLED = 20


class EpisodeQuality(Contract):
    """Scores of one episode; None: cannot be told, the reason says why."""

    episode: int
    rows: int
    duration_s: float
    outcome: str
    """`success`, `failure`, `interrupted` or `unknown`."""
    smoothness: float | None
    """1: as smooth as minimum jerk; median over windows of 1 s."""
    idle: float | None
    """Share of time without movement."""
    idle_start_s: float | None
    """Before the first movement."""
    idle_end_s: float | None
    """After the last movement."""
    efficiency: float | None
    """Way from start over the farthest state to the end, straight, by the way that was taken."""
    coverage: float | None
    """Share of the dataset's visited states (bins of its two main axes) that the episode visits."""
    sharpness: float | None
    """Detail in its pictures by the median of the dataset's, 1 at most; of the worst camera."""
    score: float
    """Mean of smoothness, 1 - idle, efficiency, sharpness and, if it is known, outcome."""
    reasons: dict[str, str]


class Diversity(Contract):
    """How varied a dataset is."""

    coverage: float | None
    """How evenly states are visited: entropy over visited bins by its maximum."""
    spread: float | None
    """Median distance of an episode to its nearest other, in spreads of a channel."""
    start_spread: float | None
    """The same of first states alone."""
    near_duplicates: tuple[tuple[int, int], ...]
    """Pairs of episodes closer than a tenth of the median."""
    tasks: dict[str, int]
    """Task → episodes."""


class QualityReport(Contract):
    """Quality of a dataset."""

    dataset: str
    episodes: tuple[EpisodeQuality, ...]
    diversity: Diversity


class _Measured(Contract):
    """What is measured of an episode alone, and kept."""

    smoothness: float | None
    idle: float | None
    idle_start_s: float | None
    idle_end_s: float | None
    efficiency: float | None
    detail: dict[str, float]
    """Camera → mean variance of the Laplacian."""


class _Cache(Document):
    """`meta/quality.json`: measured once, by episode key."""

    kind: str = "quality-cache"
    version: int = 1
    scale: tuple[float, ...]
    """Spread of each channel; others, other measurements."""
    measured: dict[Digest, _Measured]


def quality(root: Path, track: Track = iter) -> QualityReport:
    """Judge every episode; what was measured before is not measured again.

    Args:
        root: A LeRobot v3.0 dataset.
        track: Wraps the episodes to show progress.

    Raises:
        DatasetError: If it cannot be read.
    """
    dataset = Dataset(root)
    column = _motion_column(dataset)
    states = [_states(dataset, i, column) for i in range(dataset.num_episodes)] if column else []
    scale = _scale(states)
    measured = _measured(dataset, states, scale, track)
    scaled = [state / scale for state in states]
    visited = _visited(scaled)
    everywhere = set().union(*visited) if visited else set()
    typical = _typical_detail(measured)
    known = outcomes(dataset)
    episodes = tuple(
        _judge(dataset, i, measured[key], known[i], len(visited[i]) / len(everywhere) if everywhere else None, typical)
        for i, key in enumerate(dataset.keys)
    )
    return QualityReport(dataset=str(root), episodes=episodes, diversity=_diversity(dataset, scaled, visited))


def _measured(dataset: Dataset, states: list[Points], scale: Points, track: Track) -> dict[Digest, _Measured]:
    path = dataset.root / QUALITY
    known: dict[Digest, _Measured] = {}
    if path.exists():
        cache = _Cache.read(path)
        known = cache.measured if cache.scale == tuple(scale.tolist()) else {}
    missing = [i for i, key in enumerate(dataset.keys) if key not in known]
    if missing:
        fresh = {dataset.keys[i]: _measure(dataset, i, states[i] / scale if states else None) for i in track(missing)}
        known = {key: {**known, **fresh}[key] for key in dataset.keys}
        cache = _Cache(scale=tuple(scale.tolist()), measured=known)
        write_whole(path, cache.model_dump_json().encode())
    return known


def _measure(dataset: Dataset, episode: int, states: Points | None) -> _Measured:
    detail = {camera: _detail(dataset, episode, camera) for camera in dataset.info.colour_cameras}
    if states is None or len(states) < 4:
        return _Measured(smoothness=None, idle=None, idle_start_s=None, idle_end_s=None, efficiency=None, detail=detail)
    moving = _moving(states, dataset.fps)
    rows = np.flatnonzero(moving)
    first, last = (int(rows[0]), int(rows[-1])) if rows.size else (len(states), len(states))
    return _Measured(
        smoothness=smoothness(states, dataset.fps),
        idle=float(1 - moving.mean()),
        idle_start_s=first / dataset.fps,
        idle_end_s=max(len(moving) - 1 - last, 0) / dataset.fps,
        efficiency=efficiency(states),
        detail=detail,
    )


def smoothness(states: Points, fps: int) -> float | None:
    """Smoothness by the log dimensionless jerk of windows of a second, 1: minimum jerk or smoother.

    DLJ = T³ / v_peak² · ∫ |jerk|² dt. Source: Balasubramanian et al. 2015, doi:10.1186/s12984-015-0090-9.

    Args:
        states: Shape (T, d).
        fps: Rows per second.

    Returns:
        None if nothing moves.
    """
    width = max(round(WINDOW_S * fps), 8)
    starts = range(0, max(len(states) - width, 0) + 1, max(width // 2, 1))
    found = [value for start in starts if (value := _log_jerk(states[start : start + width], fps)) is not None]
    if not found:
        return None
    return float(np.clip(1 - (np.median(found) - np.log(MIN_JERK)) / ROUGHEST, 0, 1))


def efficiency(states: Points) -> float | None:
    """Straight way from the first state over the farthest one to the last, by the way that was taken.

    Args:
        states: Shape (T, d).

    Returns:
        None if nothing moves.
    """
    way = float(np.linalg.norm(np.diff(states, axis=0), axis=1).sum())
    distance = np.linalg.norm(states - states[0], axis=1)
    far = int(distance.argmax())
    return min(float(distance[far] + np.linalg.norm(states[-1] - states[far])) / way, 1.0) if way > 1e-9 else None


def _log_jerk(states: Points, fps: int) -> float | None:
    velocity = np.diff(states, axis=0) * fps
    if len(states) < 5 or np.ptp(states, axis=0).max() < MOVES * len(states) / fps:
        return None
    peak = np.linalg.norm(velocity, axis=1).max()
    jerk = np.diff(velocity, n=2, axis=0) * fps**2
    duration = len(velocity) / fps
    return float(np.log(duration**3 / peak**2 * (jerk**2).sum() / fps + 1e-12))


def _moving(states: Points, fps: int) -> NDArray[np.bool_]:
    """Whether something moves between a row and the next, shape (T - 1,)."""
    speed = np.linalg.norm(np.diff(states, axis=0), axis=1) * fps
    return np.asarray(speed > max(STILL * float(np.quantile(speed, 0.95)), MOVES))


def _detail(dataset: Dataset, episode: int, camera: str) -> float:
    """Mean variance of the Laplacian of sample frames.

    Source: Pech-Pacheco et al. 2000, doi:10.1109/ICPR.2000.903548.
    """
    path, start = dataset.clip(episode, camera)
    rows = np.linspace(0, dataset.lengths[episode] - 1, SHARP_SAMPLES).round().astype(int)
    values = []
    for row in np.unique(rows).tolist():
        frame = next(video.walk(path, start + row, 1, dataset.fps, episode))
        grey = frame.to_ndarray(format="gray").astype(np.float32)
        laplacian = 4 * grey[1:-1, 1:-1] - grey[:-2, 1:-1] - grey[2:, 1:-1] - grey[1:-1, :-2] - grey[1:-1, 2:]
        values.append(float(laplacian.var()))
    return float(np.mean(values))


def _judge(
    dataset: Dataset,
    episode: int,
    measured: _Measured,
    outcome: str,
    coverage: float | None,
    typical: Mapping[str, float],
) -> EpisodeQuality:
    share = {c: v / typical[c] if typical[c] > 0 else 1.0 for c, v in measured.detail.items()}
    worst = min(share, key=share.__getitem__) if share else None
    sharpness = min(share[worst], 1.0) if worst is not None else None
    known = {"success": 1.0, "failure": 0.0, "interrupted": 0.0}
    parts = [measured.smoothness, None if measured.idle is None else 1 - measured.idle, measured.efficiency]
    parts += [sharpness, known.get(outcome)]
    told = [part for part in parts if part is not None]
    reasons = _reasons(measured, outcome, coverage)
    if worst is None:
        reasons["sharpness"] = "no colour camera"
    else:
        reasons["sharpness"] = f"{worst} has {share[worst]:.2f} of the detail that is usual here"
    return EpisodeQuality(
        episode=episode,
        rows=dataset.lengths[episode],
        duration_s=dataset.lengths[episode] / dataset.fps,
        outcome=outcome,
        smoothness=measured.smoothness,
        idle=measured.idle,
        idle_start_s=measured.idle_start_s,
        idle_end_s=measured.idle_end_s,
        efficiency=measured.efficiency,
        coverage=coverage,
        sharpness=sharpness,
        score=float(np.mean(told)) if told else 0.0,
        reasons=reasons,
    )


def _reasons(measured: _Measured, outcome: str, coverage: float | None) -> dict[str, str]:
    reasons = {"outcome": f"recorded as {outcome}" if outcome != "unknown" else "the dataset does not say"}
    if measured.idle is None:
        return reasons | dict.fromkeys(("smoothness", "idle", "efficiency"), "no motion column, or fewer than 4 rows")
    reasons["idle"] = (
        f"still for {measured.idle:.0%} of the time, {measured.idle_start_s:.1f} s at the start, "
        f"{measured.idle_end_s:.1f} s at the end"
    )
    if measured.smoothness is None:
        reasons["smoothness"] = "nothing moves"
    else:
        above = (1 - measured.smoothness) * ROUGHEST
        reasons["smoothness"] = f"jerk is {np.exp(above):.3g} times that of a minimum-jerk movement"
    if measured.efficiency is None:
        reasons["efficiency"] = "nothing moves"
    else:
        reasons["efficiency"] = f"the way is {1 / max(measured.efficiency, 1e-6):.2f} times the straight one"
    if coverage is not None:
        reasons["coverage"] = f"visits {coverage:.0%} of the states that the dataset visits"
    return reasons


def _diversity(dataset: Dataset, scaled: list[Points], visited: list[set[tuple[int, int]]]) -> Diversity:
    tasks: dict[str, int] = {}
    for task in dataset.tasks:
        tasks[task] = tasks.get(task, 0) + 1
    if len(scaled) < 2:
        return Diversity(coverage=None, spread=None, start_spread=None, near_duplicates=(), tasks=tasks)
    paths = np.stack([_resampled(state).ravel() for state in scaled]) / np.sqrt(RESAMPLED)
    nearest, spread = _nearest(paths)
    _, start_spread = _nearest(np.stack([state[0] for state in scaled]))
    pairs = {tuple(sorted((i, int(j)))) for i, (j, d) in enumerate(nearest) if d < 0.1 * spread}
    counts = np.unique([bin_ for bins in visited for bin_ in bins], axis=0, return_counts=True)[1]
    share = counts / counts.sum()
    entropy = float(-(share * np.log(share)).sum() / np.log(len(share))) if len(share) > 1 else 0.0
    return Diversity(
        coverage=entropy,
        spread=spread,
        start_spread=start_spread,
        near_duplicates=tuple((a, b) for a, b in sorted(pairs)),
        tasks=tasks,
    )


def _nearest(points: Points) -> tuple[list[tuple[int, float]], float]:
    """Of each point its nearest other and the distance to it, and the median of these distances."""
    found = []
    squares = (points**2).sum(axis=1)
    for i, point in enumerate(points):
        squared = squares - 2 * points @ point + squares[i]
        squared[i] = np.inf
        j = int(squared.argmin())
        found.append((j, float(np.sqrt(max(squared[j], 0.0)))))
    return found, float(np.median([distance for _, distance in found]))


def _visited(scaled: list[Points]) -> list[set[tuple[int, int]]]:
    """Bins of the two main axes of all states that each episode visits."""
    if not scaled:
        return []
    every = np.concatenate(scaled)
    centre = every.mean(axis=0)
    axes = np.linalg.svd(np.cov((every - centre).T).reshape(every.shape[1], -1))[0][:, :2]
    flat = (every - centre) @ axes
    low, high = flat.min(axis=0), flat.max(axis=0)
    width = np.where(high > low, high - low, 1.0)
    bins = [np.minimum(((s - centre) @ axes - low) / width * BINS, BINS - 1).astype(int) for s in scaled]
    return [{(row[0], row[-1]) for row in found.tolist()} for found in bins]


def _resampled(states: Points) -> Points:
    at = np.linspace(0, len(states) - 1, RESAMPLED)
    return np.stack([np.interp(at, np.arange(len(states)), channel) for channel in states.T], axis=1)


def _typical_detail(measured: Mapping[Digest, _Measured]) -> dict[str, float]:
    cameras = next(iter(measured.values())).detail
    return {camera: float(np.median([m.detail[camera] for m in measured.values()])) for camera in cameras}


def _scale(states: list[Points]) -> Points:
    """Spread of each channel over the dataset; of one that never changes 1."""
    if not states:
        return np.ones(0)
    spread = np.ptp(np.concatenate(states), axis=0)
    return np.asarray(np.where(spread > 1e-9, spread, 1.0))


def _motion_column(dataset: Dataset) -> str | None:
    for name in ("observation.state", "action"):
        if name in dataset.info.columns and dataset.info.columns[name].dtype in NUMBERS:
            return name
    others = [n for n, f in dataset.info.columns.items() if n not in INDEX_FEATURES and f.dtype.startswith("float")]
    return others[0] if others else None


def _states(dataset: Dataset, episode: int, column: str) -> Points:
    values: NDArray[Any] = dataset.episode(episode)[column]
    return values.reshape(len(values), -1).astype(np.float64)
