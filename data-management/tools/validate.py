"""Validates a dataset: its files, then every episode against the catalogue of defects."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.contracts import Contract, ContractError, Digest
from physai.infrastructure.datasets import Dataset, DatasetError
from physai.infrastructure.datasets.errors import ContentError, TornFileError
from physai.infrastructure.datasets.info import NUMBERS
from physai.infrastructure.datasets.metadata import read_stats
from physai.infrastructure.datasets.stats import NAMES, Stats

from ..errors import MissingAncestorError
from .catalogue import CATALOGUE, Finding, found
from .checks import (
    Limits,
    check_command_jump,
    check_dead_command,
    check_finite,
    check_frozen,
    check_index,
    check_lag,
    check_motionless,
    check_speed,
    check_time,
    check_time_back,
)
from .lineage import lineage
from .outcome import outcomes
from .pictures import picture_findings
from .structure import structure_findings

Track = Callable[[Iterable[int]], Iterable[int]]
Check = Callable[[], str | None]

SHORT = 0.1  # of the median length
MANY = 5  # episodes, from which on a median says something


class ValidationReport(Contract):
    """What a validation found."""

    dataset: str
    content: Digest | None
    """None for a dataset without provenance, or one whose files are not those of its provenance."""
    episodes: int
    rows: int
    cameras: tuple[str, ...]
    decoded: bool
    """Whether every frame was decoded."""
    kinds: int
    """Of defects that were looked for."""
    findings: tuple[Finding, ...]
    """Failures first."""

    @property
    def passed(self) -> bool:
        """Whether nothing fails."""
        return all(finding.severity != "fail" for finding in self.findings)


def validate(root: Path, limits: Limits, track: Track = iter, *, decode: bool = True) -> ValidationReport:
    """Look for every defect of the catalogue.

    Args:
        root: A LeRobot v3.0 dataset.
        limits: Bounds of what is plausible.
        track: Wraps the episode numbers to show progress.
        decode: Decode every frame; without it, pictures themselves are not looked at.

    Raises:
        MissingFileError: If there is no dataset.
    """
    findings = list(structure_findings(root))
    try:
        dataset = Dataset(root)
    except (DatasetError, ContractError) as error:
        if all(finding.severity != "fail" for finding in findings):
            findings.append(found("info", str(error)))
        return _report(root, None, None, findings, decode)
    content, more = _provenance(dataset)
    findings += [*more, *_dataset_findings(dataset)]
    if all(finding.defect != "provenance" for finding in more):
        findings += _outcomes(dataset)
    for index in track(range(dataset.num_episodes)):
        findings += episode_findings(dataset, index, limits, decode=decode)
    return _report(root, dataset, content, findings, decode)


def episode_findings(dataset: Dataset, index: int, limits: Limits, *, decode: bool = True) -> list[Finding]:
    """All defects of one episode."""
    try:
        columns = dataset.episode(index)
        named = [
            found(name, detail, index) for name, test in _tests(dataset, index, columns, limits) if (detail := test())
        ]
    except DatasetError as error:
        return [found("data-torn", str(error), index)]
    pictures = picture_findings(dataset, index, columns, decode=decode)
    return [*named, *pictures]


def _tests(
    dataset: Dataset, index: int, columns: dict[str, NDArray[Any]], limits: Limits
) -> Iterable[tuple[str, Check]]:
    features, fps = dataset.info.features, dataset.fps
    yield "finite", lambda: check_finite(columns)
    yield "index", lambda: check_index(columns, index, dataset.first_row(index), dataset.info.total_tasks)
    yield "task", lambda: _task(dataset, index, columns)
    yield "time", lambda: check_time(columns, fps)
    yield "time-back", lambda: check_time_back(columns)
    yield "frozen", lambda: check_frozen(columns, features)
    yield "speed", lambda: check_speed(columns, features, fps, limits)
    yield "command-jump", lambda: check_command_jump(columns, features, fps, limits)
    yield "dead-command", lambda: check_dead_command(columns, features)
    yield "lag", lambda: check_lag(columns, features, fps)
    yield "motionless", lambda: check_motionless(columns)
    yield "stats-episode", lambda: _stats(dataset, index, columns)


def _task(dataset: Dataset, index: int, columns: dict[str, NDArray[Any]]) -> str | None:
    told = set(dataset.episodes_table["tasks"][index].as_py())
    numbers = np.unique(columns["task_index"])
    names = {dataset.task_names[n] for n in numbers.tolist() if 0 <= n < len(dataset.task_names)}
    return f"rows have {sorted(names)}, the episode {sorted(told)}" if names != told else None


def _stats(dataset: Dataset, index: int, columns: dict[str, NDArray[Any]]) -> str | None:
    for name, feature in dataset.info.columns.items():
        stored = dataset.episode_stats(index, name)
        if stored is None or feature.dtype not in NUMBERS or not np.isfinite(columns[name]).all():
            continue
        values = columns[name].reshape(len(columns[name]), -1).astype(np.float64)
        real = {"min": values.min(0), "max": values.max(0), "mean": values.mean(0), "std": values.std(0)}
        if (detail := _differs(stored, real)) or stored["count"].ravel().tolist() != [len(values)]:
            return f"{name}: {detail or 'count'}"
    return None


def _differs(stored: Stats, real: Stats) -> str | None:
    """The first statistic that is off by more than sums in float32 can be."""
    spread = np.maximum(real["max"] - real["min"], np.abs(real["max"]).max(initial=0) * 1e-2)
    for name, value in real.items():
        told = stored[name].ravel()
        if told.shape != value.ravel().shape:
            return f"{name} has {told.size} numbers, rows have {value.size}"
        off = np.abs(told - value.ravel())
        if (off > 1e-3 * spread.ravel() + 1e-6).any():
            return f"{name} is {told.round(5).tolist()}, rows have {value.ravel().round(5).tolist()}"
    return None


def _dataset_findings(dataset: Dataset) -> Iterator[Finding]:
    yield from _dataset_stats(dataset)
    yield from _constant(dataset)
    seen: dict[Digest, int] = {}
    for index, key in enumerate(dataset.keys):
        if key in seen and _same(dataset, seen[key], index):
            yield found("duplicate", f"is episode {seen[key]} again", index)
        seen.setdefault(key, index)
    median = float(np.median(dataset.lengths))
    for index, rows in enumerate(dataset.lengths):
        if dataset.num_episodes >= MANY and rows < SHORT * median:
            yield found("short", f"{rows} rows, the median is {median:g}", index)


def _outcomes(dataset: Dataset) -> Iterator[Finding]:
    for index, outcome in enumerate(outcomes(dataset)):
        if outcome not in ("success", "unknown"):
            yield found("outcome", f"outcome is {outcome}", index)


def _same(dataset: Dataset, one: int, other: int) -> bool:
    first, second = dataset.episode(one), dataset.episode(other)
    recorded = [name for name in dataset.info.recorded if name in first]
    return all(np.array_equal(first[name], second[name]) for name in recorded)


def _dataset_stats(dataset: Dataset) -> Iterator[Finding]:
    try:
        stored = read_stats(dataset.root)
    except TornFileError:  # which `structure_findings` tells
        return
    for name, known in _episode_stats(dataset).items():
        if name not in stored:
            continue
        weights = np.array([stats["count"].ravel()[0] for stats in known], np.float64)
        means = np.stack([stats["mean"].ravel() for stats in known])
        mean = np.average(means, axis=0, weights=weights)
        spreads = np.stack([stats["std"].ravel() for stats in known]) ** 2 + (means - mean) ** 2
        real = {
            "min": np.min([stats["min"].ravel() for stats in known], axis=0),
            "max": np.max([stats["max"].ravel() for stats in known], axis=0),
            "mean": mean,
            "std": np.sqrt(np.average(spreads, axis=0, weights=weights)),
        }
        if all(part in stored[name] for part in real) and (detail := _differs(stored[name], real)):
            yield found("stats-dataset", f"{name}: {detail}")


def _episode_stats(dataset: Dataset) -> dict[str, list[Stats]]:
    """Statistics of every episode of each recorded feature of numbers, where they are those of its numbers."""
    told_of: dict[str, list[Stats]] = {}
    for name, feature in dataset.info.recorded.items():
        size = {part: 1 if part == "count" else int(np.prod(feature.shape)) for part in NAMES}
        known = [dataset.episode_stats(index, name) for index in range(dataset.num_episodes)]
        told = [stats for stats in known if stats and all(stats[part].size == size[part] for part in NAMES)]
        if feature.dtype in NUMBERS and len(told) == len(known):
            told_of[name] = told
    return told_of


def _constant(dataset: Dataset) -> Iterator[Finding]:
    if dataset.num_episodes < 2:
        return
    for name, known in _episode_stats(dataset).items():
        feature = dataset.info.features[name]
        if not feature.dtype.startswith("float"):
            continue
        low = np.min([stats["min"].ravel() for stats in known], axis=0)
        high = np.max([stats["max"].ravel() for stats in known], axis=0)
        names = feature.element_names
        for channel in np.flatnonzero(low == high).tolist():
            label = names[channel] if channel < len(names) else str(channel)
            yield found("constant", f"{name}: {label} is {low[channel]:g} throughout")


def _provenance(dataset: Dataset) -> tuple[Digest | None, list[Finding]]:
    try:
        provenance, ancestors = dataset.provenance, dataset.ancestors
        if provenance is None:
            return None, []
        content = dataset.verify()
    except ContentError as error:
        return None, [found("content", str(error))]
    except (DatasetError, ContractError) as error:
        return None, [found("provenance", str(error))]
    try:
        lineage(provenance, ancestors)
    except MissingAncestorError as error:
        return content, [found("ancestor", str(error))]
    return content, []


def _report(
    root: Path, dataset: Dataset | None, content: Digest | None, findings: list[Finding], decode: bool
) -> ValidationReport:
    return ValidationReport(
        dataset=str(root),
        content=content,
        episodes=dataset.num_episodes if dataset else 0,
        rows=dataset.info.total_frames if dataset else 0,
        cameras=tuple(dataset.info.cameras) if dataset else (),
        decoded=decode and dataset is not None,
        kinds=len(CATALOGUE),
        findings=tuple(sorted(findings, key=lambda f: (f.severity != "fail", f.episode is not None, f.episode or 0))),
    )
