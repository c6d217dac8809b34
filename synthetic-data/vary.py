"""Adds varied copies of the training episodes to a dataset; actions and states stay bit by bit."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.contracts import Contract, Digest, EpisodeSource
from physai.infrastructure.datasets import Dataset, DatasetWriter, publish

from .errors import NoCameraError
from .photometric import Variation, apply, draw

HELDOUT = "heldout"
GENERATOR = "photometric-variation"

Track = Callable[[Iterable[tuple[int, int]]], Iterable[tuple[int, int]]]


class VariedEpisode(Contract):
    """One copy."""

    episode: int
    """In the new dataset."""
    source_episode: int
    """In the dataset it was copied from."""
    variation: Variation


class VaryReport(Contract):
    """What was made."""

    dataset: str
    content: Digest
    parent: Digest
    episodes: int
    """All, originals included."""
    rows: int
    frames: dict[str, int]
    """Camera → frames decoded from the finished video; as many as rows."""
    varied: tuple[VariedEpisode, ...]
    published: bool


def vary(
    root: Path, output: Path, *, copies: int = 1, seed: int = 0, publish_it: bool = True, track: Track = iter
) -> VaryReport:
    """Write a dataset of all episodes of `root` and `copies` varied copies of each training episode.

    Held-out episodes are taken over and never varied, so that none is seen in training. The same seed gives the same
    dataset, bit by bit.

    Args:
        root: A dataset with provenance and at least one camera.
        output: Where the new dataset appears.
        copies: Copies of each training episode.
        seed: Draws the variations.
        publish_it: Put the result into the store.
        track: Wraps pairs of copy and episode to show progress.

    Raises:
        NoCameraError: If there is no picture to vary.
        DatasetError: If `root` cannot be read, or is not what its provenance says.
    """
    dataset = Dataset(root)
    if not dataset.info.cameras:
        raise NoCameraError(root, list(dataset.info.recorded))
    parent = dataset.verify()
    held = [index for index in range(dataset.num_episodes) if index in dataset.splits.get(HELDOUT, range(0))]
    train = [index for index in range(dataset.num_episodes) if index not in held]
    provenance = dataset.required_provenance
    varied: list[VariedEpisode] = []
    with DatasetWriter(
        output, fps=dataset.fps, features=dataset.info.recorded, robot=provenance.robot, task=provenance.task
    ) as writer:
        writer.add_parent(dataset)
        for index in train:
            writer.copy_episode(dataset, index, source=_source(dataset, index))
        for copy, index in track((copy, index) for copy in range(copies) for index in train):
            varied.append(_add_copy(writer, dataset, index, copy, seed))
        for index in held:
            writer.copy_episode(dataset, index, source=_source(dataset, index))
        writer.splits = {"train": len(train) * (1 + copies), HELDOUT: len(held)}
    written = Dataset(output)
    if publish_it:
        publish(output)
    return VaryReport(
        dataset=str(output),
        content=written.required_provenance.content,
        parent=parent,
        episodes=written.num_episodes,
        rows=written.info.total_frames,
        frames=writer.frames,
        varied=tuple(varied),
        published=publish_it,
    )


def _add_copy(writer: DatasetWriter, dataset: Dataset, index: int, copy: int, seed: int) -> VariedEpisode:
    rng = np.random.default_rng([seed, copy, index])
    variation = draw(rng)
    videos: dict[str, NDArray[np.uint8]] = {
        camera: apply(dataset.frames(index, camera), variation, rng) for camera in dataset.info.cameras
    }
    columns = {name: values for name, values in dataset.episode(index).items() if name in dataset.info.recorded}
    source = _source(dataset, index)
    made = {"generator": GENERATOR, "parameters": {**variation.model_dump(), "seed": float(seed), "copy": float(copy)}}
    episode = writer.add_episode(columns, videos, source=source.model_copy(update=made), task=dataset.tasks[index])
    return VariedEpisode(episode=episode, source_episode=index, variation=variation)


def _source(dataset: Dataset, index: int) -> EpisodeSource:
    provenance = dataset.required_provenance
    return provenance.episodes[index].model_copy(update={"source": provenance.content, "source_episode": index})
