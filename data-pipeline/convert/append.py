"""A dataset that grows by whole conversions: the longer one takes the place of the shorter in one step."""

import shutil
from pathlib import Path

from physai.infrastructure import rename
from physai.infrastructure.datasets import Dataset, DatasetWriter, Feature

from .errors import OtherDatasetError


def longer(root: Path) -> Path:
    """Where the longer dataset is written; what a killed conversion left there goes."""
    path = root.with_name(f".{root.name}.longer.part")
    shutil.rmtree(path, ignore_errors=True)
    return path


def check_same(root: Path, fps: int, robot: str, features: dict[str, Feature]) -> None:
    """Refuse to append what does not belong there.

    Raises:
        OtherDatasetError: If rate, robot or features differ.
    """
    info = Dataset(root).info
    if (info.fps, info.robot_type) != (fps, robot):
        raise OtherDatasetError(root, "rate and robot", (info.fps, info.robot_type), (fps, robot))
    for name in sorted(info.recorded.keys() | features.keys()):
        found, asked = info.recorded.get(name), features.get(name)
        if told(found) != told(asked):
            raise OtherDatasetError(root, f"feature '{name}'", told(found), told(asked))


def told(feature: Feature | None) -> tuple[object, ...] | None:
    """What of a feature must be the same in all episodes."""
    if feature is None:
        return None
    return (feature.shape, feature.names, *([feature.depth_unit] if feature.is_depth else []))


def copy_all(root: Path, writer: DatasetWriter) -> None:
    """Copy every episode of a dataset, bit by bit, and what its provenance says."""
    dataset = Dataset(root)
    provenance = dataset.required_provenance
    for index, source in enumerate(provenance.episodes):
        writer.copy_episode(dataset, index, source=source)
    writer.dropped += provenance.dropped


def exchange(new: Path, root: Path) -> None:
    """Let the new folder take the place of the old one, which no moment is missing; the old one goes."""
    rename.exchange(new, root)
    shutil.rmtree(new)
