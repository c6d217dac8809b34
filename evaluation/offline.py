"""A package against a dataset, without a simulator: what would it have done where a demonstrator did this?"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from physai.infrastructure.contracts import Contract, Digest, Document, PolicyPackage
from physai.infrastructure.datasets import Dataset
from physai.infrastructure.fit import MisfitError

from .errors import EvaluationError
from .metrics.agreement import dtw_distance, squared_errors
from .sil.protocol import Tensors
from .sil.served import ServedPolicy

ACTION = "action"
BATCH = 64
IMAGES = "observation.images."

Track = Callable[[Iterable[int]], Iterable[int]]


class JointAgreement(Contract):
    """One action over all rows."""

    name: str
    unit: str
    nmse: float
    """Mean squared error, in units of the recorded span."""
    mean_abs: float
    """Mean absolute error, in `unit`."""


class OfflineReport(Document):
    """How closely a package follows recorded episodes, action by action and along whole episodes."""

    kind: Literal["offline-report"] = "offline-report"
    version: Literal[1] = 1
    package: Digest
    dataset: Digest
    split: str
    episodes: int = Field(ge=1)
    rows: int = Field(ge=1)
    nmse: float
    """Of the first action of each chunk, mean over rows and joints."""
    joints: tuple[JointAgreement, ...]
    nmse_by_step: tuple[float, ...]
    """Mean over joints at each step of the chunk: how far ahead the policy can be believed."""
    dtw: tuple[float, ...]
    """Of each episode: the executed parts of the chunks, one after the other, against the recorded actions."""


def replay(folder: Path, package: Path, split: str, track: Track = iter) -> OfflineReport:
    """Ask a package at every row of a split.

    Args:
        folder: LeRobot v3.0 dataset with provenance.
        package: Policy package; its own graph answers, so its normalisation and scaling count.
        split: `train`, `heldout`, or any other of the dataset.
        track: Wraps the episodes to show progress.

    Raises:
        EvaluationError: If the dataset has no such split.
        MisfitError: If the dataset's features are not the package's.
    """
    dataset = Dataset(folder)
    policy = ServedPolicy.load(package)
    if not (episodes := dataset.splits.get(split, range(0))):
        known = ", ".join(name for name, found in dataset.splits.items() if found)
        raise EvaluationError(f"{folder}: no episodes in split '{split}'. Splits: {known}.")
    _check_features(dataset, policy.package)
    span = _span(dataset)
    answered = [_episode(dataset, index, policy, span) for index in track(episodes)]
    first = np.concatenate([errors[:, 0] for errors, _, _ in answered])
    absolute = np.concatenate([distance for _, distance, _ in answered])
    elements = _elements(dataset, policy.package)
    return OfflineReport(
        package=policy.digest,
        dataset=dataset.required_provenance.content,
        split=split,
        episodes=len(episodes),
        rows=len(first),
        nmse=float(first.mean()),
        joints=tuple(
            JointAgreement(name=name, unit=unit, nmse=float(first[:, joint].mean()), mean_abs=float(distances.mean()))
            for joint, ((name, unit), distances) in enumerate(zip(elements, absolute.T, strict=True))
        ),
        nmse_by_step=tuple(_by_step([errors for errors, _, _ in answered])),
        dtw=tuple(distance for _, _, distance in answered),
    )


def _check_features(dataset: Dataset, package: PolicyPackage) -> None:
    for spec in package.inputs:
        if spec.noise:
            continue
        found = dataset.info.features.get(spec.name)
        if found is None:
            raise MisfitError("package", "inputs", spec.name, ", ".join(dataset.info.recorded))
        names = tuple(found.element_names)
        if spec.elements and names and names != spec.elements:
            raise MisfitError("package", f"order of '{spec.name}'", spec.elements, names)
    output, recorded = package.outputs[0], dataset.info.features.get(ACTION)
    if recorded is None or output.shape[-1:] != recorded.shape:
        here = recorded.shape if recorded else f"not among {', '.join(dataset.info.recorded)}"
        raise MisfitError("package", f"size of '{ACTION}'", output.shape[-1:], here)
    if output.elements and recorded.element_names and tuple(recorded.element_names) != output.elements:
        raise MisfitError("package", f"order of '{ACTION}'", output.elements, tuple(recorded.element_names))
    if abs(package.rate_hz - dataset.fps) > 1e-3 * dataset.fps:
        raise MisfitError("package", "rate", f"{package.rate_hz:g} Hz", f"{dataset.fps:g} Hz")


def _elements(dataset: Dataset, package: PolicyPackage) -> list[tuple[str, str]]:
    """Name and unit of each action: the package's, else the dataset's, else its number; without a unit if none says."""
    output = package.outputs[0]
    size = output.shape[-1]
    names = output.elements or dataset.info.features[ACTION].element_names or map(str, range(size))
    return list(zip(names, output.units or ("",) * size, strict=True))


def _span(dataset: Dataset) -> NDArray[np.float64]:
    """Largest minus smallest of each action, over all episodes."""
    actions = [np.atleast_2d(dataset.episode(index)[ACTION]) for index in range(dataset.num_episodes)]
    span: NDArray[np.float64] = np.ptp(np.concatenate(actions).astype(np.float64), axis=0)
    return span


def _episode(
    dataset: Dataset, index: int, policy: ServedPolicy, span: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Squared errors (T, chunk, A), NaN beyond the end; absolute errors (T, A); DTW distance."""
    columns = dataset.episode(index)
    recorded = columns[ACTION].astype(np.float64)
    observations = dict(_inputs(dataset, index, columns, policy.package))
    rows, answer = len(recorded), policy.package.outputs[0].name
    chunks = np.concatenate(
        [
            policy.infer({name: values[start : start + BATCH] for name, values in observations.items()})[answer]
            for start in range(0, rows, BATCH)
        ]
    )
    errors = np.full(chunks.shape, np.nan)
    for ahead in range(min(chunks.shape[1], rows)):
        errors[: rows - ahead, ahead] = squared_errors(chunks[: rows - ahead, ahead], recorded[ahead:], span)
    steps = policy.package.action_steps
    executed = np.concatenate([chunks[start, : min(steps, rows - start)] for start in range(0, rows, steps)])
    return errors, np.abs(chunks[:, 0] - recorded), dtw_distance(executed, recorded)


def _inputs(
    dataset: Dataset, index: int, columns: Tensors, package: PolicyPackage
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """The observations that the package takes, as a robot would give them."""
    rows = len(columns[ACTION])
    for spec in package.inputs:
        if spec.noise:
            yield spec.name, np.random.default_rng(index).standard_normal((rows, *spec.shape), dtype=np.float32)
            continue
        if spec.name.startswith(IMAGES):
            frames = dataset.frames(index, spec.name)
            values = frames.transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255)
        else:
            values = columns[spec.name].astype(np.float32)
        back = np.arange(1 - spec.history, 1) if spec.history else 0
        yield spec.name, values[np.maximum(np.add.outer(np.arange(rows), back), 0)]


def _by_step(errors: list[NDArray[np.float64]]) -> list[float]:
    stacked = np.concatenate(errors)
    longest = np.isfinite(stacked).any(axis=(0, 2))
    return [float(np.nanmean(stacked[:, ahead])) for ahead in np.flatnonzero(longest)]
