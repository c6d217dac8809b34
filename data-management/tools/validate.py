"""Validates every episode of a dataset."""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from physai.infrastructure.contracts import Contract, Digest
from physai.infrastructure.datasets import Dataset, DatasetError

from .checks import Limits, check_camera, check_finite, check_frozen, check_index, check_speed, check_time

Track = Callable[[Iterable[int]], Iterable[int]]


class Finding(Contract):
    """What is wrong with one episode."""

    episode: int
    check: str
    """`outcome`, `index`, `time`, `finite`, `frozen`, `speed` or `camera`."""
    detail: str


class ValidationReport(Contract):
    """What a validation found."""

    dataset: str
    content: Digest | None
    """None for a dataset without provenance."""
    episodes: int
    rows: int
    cameras: tuple[str, ...]
    """Their frames were decoded, and are at the times of their rows."""
    findings: tuple[Finding, ...]
    """The first of each episode that has one."""

    @property
    def passed(self) -> bool:
        """Whether every episode is fit."""
        return not self.findings


def validate(root: Path, limits: Limits, track: Track = iter) -> ValidationReport:
    """Check a dataset as a whole, then every episode.

    Args:
        root: A LeRobot v3.0 dataset.
        limits: Bounds of what is plausible.
        track: Wraps the episode numbers to show progress.

    Raises:
        DatasetError: If it cannot be read, or is not what its provenance says.
    """
    dataset = Dataset(root)
    content = dataset.verify() if dataset.provenance else None
    findings = [finding for index in track(range(dataset.num_episodes)) if (finding := check(dataset, index, limits))]
    return ValidationReport(
        dataset=str(root),
        content=content,
        episodes=dataset.num_episodes,
        rows=dataset.info.total_frames,
        cameras=tuple(dataset.info.cameras),
        findings=tuple(findings),
    )


def check(dataset: Dataset, index: int, limits: Limits) -> Finding | None:
    """The first fault of one episode."""
    for name, test in _tests(dataset, index, limits):
        if detail := test():
            return Finding(episode=index, check=name, detail=detail)
    return None


def _tests(dataset: Dataset, index: int, limits: Limits) -> Iterable[tuple[str, Callable[[], str | None]]]:
    columns = dataset.episode(index)
    features, fps = dataset.info.features, dataset.fps
    yield "outcome", lambda: _outcome(dataset, index)
    yield "finite", lambda: check_finite(columns)
    yield "index", lambda: check_index(columns, index, dataset.first_row(index), dataset.info.total_tasks)
    yield "time", lambda: check_time(columns, fps)
    yield "frozen", lambda: check_frozen(columns, features)
    yield "speed", lambda: check_speed(columns, features, fps, limits)
    for camera in dataset.info.cameras:
        yield "camera", partial(_camera, dataset, index, camera)


def _outcome(dataset: Dataset, index: int) -> str | None:
    if dataset.provenance is None:
        return None
    outcome = dataset.provenance.episodes[index].outcome
    return None if outcome == "success" else f"outcome is {outcome}"


def _camera(dataset: Dataset, index: int, camera: str) -> str | None:
    try:
        frames = dataset.frames(index, camera)
    except DatasetError as error:
        return str(error)
    return check_camera(frames, camera, dataset.episode(index))
