"""Converts HDF5 files of demonstrations to a LeRobot v3.0 dataset, and proves that it holds what they hold."""

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from physai.infrastructure.aside import whole_folder
from physai.infrastructure.contracts import Contract, EpisodeSource, digest_bytes, digest_file
from physai.infrastructure.datasets import Dataset, DatasetWriter, Feature, camera, vector
from physai.infrastructure.datasets.stats import sample_indices
from physai.infrastructure.errors import MissingFileError

from ..errors import Hdf5Error
from .hdf5_mapping import Hdf5Mapping, demonstrations, detect

SUFFIXES = (".hdf5", ".h5")
LEAST_PSNR_DB = 20.0  # of a frame against its picture; below this it is another picture, not a compressed one
UNTOLD = "unknown"


class Demonstration(NamedTuple):
    """An episode in a file."""

    path: Path
    group: str
    """Within the file; `/` if the file is the episode."""


Track = Callable[[Iterable[Demonstration]], Iterable[Demonstration]]


class Hdf5Report(Contract):
    """What was converted, and the proof of it."""

    dataset: str
    files: int
    episodes: int
    rows: int
    fps: int
    numbers: int
    """Read back from the dataset and equal to the files' own, bit for bit in the stored type."""
    frames: int
    """Decoded and compared with the files' pictures."""
    worst_psnr_db: float | None = None
    """Of the frame that compression changed most; None without cameras."""
    mapping: Hdf5Mapping
    """What became what."""


def hdf5_files(source: Path) -> list[Path]:
    """The HDF5 files that a path names: itself, or those in the folder, `episode_2` before `episode_10`."""
    found = [source] if source.is_file() else [path for path in source.glob("*") if path.is_file()]
    return sorted((path for path in found if path.suffix in SUFFIXES), key=lambda path: (len(path.name), path.name))


def convert_hdf5(
    source: Path,
    output: Path,
    *,
    mapping: Hdf5Mapping | None = None,
    fps: int | None = None,
    task: str | None = None,
    track: Track = iter,
) -> Hdf5Report:
    """Write a v3.0 dataset of HDF5 files, read it back, and compare.

    Numbers are stored as float32, which LeRobot's policies take, flags as bool, whole numbers as int64. Pictures are
    encoded as LeRobot does.

    Args:
        source: A file, or a folder of files.
        output: Where the dataset appears.
        mapping: What becomes what; by default the layout of the first file tells.
        fps: Rows per second; by default the mapping's.
        task: What the robot was asked to do; by default the mapping's.
        track: Wraps the episodes to show progress.

    Raises:
        MissingFileError: If there is no such file.
        Hdf5Error: If a file is torn, lacks something, or its parts do not agree.
        FeatureError: If something cannot be stored, e.g. a number that is not finite.
    """
    files = hdf5_files(source)
    if not files:
        raise MissingFileError(source, "HDF5 file", "Give a .hdf5 or .h5 file, or a folder of them.")
    mapping = _settled(mapping or _detected(files[0]), files[0], fps, task)
    episodes = [episode for path in files for episode in _demonstrations(path, mapping)]
    features = _features(episodes[0], mapping)
    assert mapping.fps is not None
    sources = {path: digest_file(path) for path in files}
    with whole_folder(output) as part:
        made = part / "made"
        with DatasetWriter(
            made, fps=mapping.fps, features=features, robot=mapping.robot, task=mapping.task or UNTOLD
        ) as writer:
            for episode in track(episodes):
                columns, pictures = _read(episode, mapping, features)
                writer.add_episode(columns, pictures, source=_source(episode, sources[episode.path]))
        report = _proven(Dataset(made), episodes, mapping)
        for path in made.iterdir():
            path.rename(part / path.name)
        made.rmdir()
    return report.model_copy(update={"dataset": str(output)})


def _settled(mapping: Hdf5Mapping, path: Path, fps: int | None, task: str | None) -> Hdf5Mapping:
    if fps is None and mapping.fps is None:
        raise Hdf5Error(path, "/", "the rate is not told", "Give --fps")
    return mapping.model_copy(update={"fps": fps or mapping.fps, "task": task or mapping.task})


def _detected(path: Path) -> Hdf5Mapping:
    with _opened(path) as file:
        return detect(path, file)


def _demonstrations(path: Path, mapping: Hdf5Mapping) -> list[Demonstration]:
    if not mapping.episodes:
        return [Demonstration(path, "/")]
    with _opened(path) as file:
        group = _member(path, file, mapping.episodes)
        names = demonstrations(group) if isinstance(group, h5py.Group) else []
    if not names:
        raise Hdf5Error(path, mapping.episodes, "no episode is in it", "Name the group of the episodes in the mapping")
    return [Demonstration(path, f"{mapping.episodes.strip('/')}/{name}") for name in names]


def _features(episode: Demonstration, mapping: Hdf5Mapping) -> dict[str, Feature]:
    """Features as the first episode has them."""
    features = {}
    with _opened(episode.path) as file:
        group = _member(episode.path, file, episode.group)
        for name, paths in mapping.columns.items():
            parts = {path: _values(episode, group, path) for path in paths}
            names = [label for path, part in parts.items() for label in _labels(path, part.shape[1])]
            features[name] = vector(names, _stored(list(parts.values())))
        for name, path in mapping.cameras.items():
            height, width = _pictures(episode, group, path)[0].shape[:2]
            features[name] = camera(height, width)
    return features


def _read(
    episode: Demonstration, mapping: Hdf5Mapping, features: dict[str, Feature]
) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[np.uint8]]]:
    """Columns (T, d) and pictures (T, height, width, 3) of one episode, in the types of the features."""
    with _opened(episode.path) as file:
        group = _member(episode.path, file, episode.group)
        parts = {path: _values(episode, group, path) for paths in mapping.columns.values() for path in paths}
        pictures = {name: _pictures(episode, group, path) for name, path in mapping.cameras.items()}
    lengths = {path: len(values) for path, values in parts.items()}
    lengths |= {path: len(pictures[name]) for name, path in mapping.cameras.items()}
    first = next(iter(lengths))
    for path, length in lengths.items():
        if length != lengths[first]:
            detail = f"{length} rows, {first} has {lengths[first]}"
            raise Hdf5Error(episode.path, f"{episode.group}/{path}", detail, "Leave the file out, or record again")
    columns = {
        name: np.concatenate([parts[path].astype(features[name].dtype) for path in paths], axis=1)
        for name, paths in mapping.columns.items()
    }
    for name, paths in mapping.columns.items():
        if columns[name].shape[1] != features[name].width:
            detail = f"{columns[name].shape[1]} numbers a row, the first episode has {features[name].width}"
            raise Hdf5Error(episode.path, f"{episode.group}/{paths[0]}", detail, "Convert unlike files apart")
    return columns, {
        name: _alike(episode, path, pictures[name], features[name].shape) for name, path in mapping.cameras.items()
    }


def _values(episode: Demonstration, group: h5py.Group, path: str) -> NDArray[Any]:
    """Numbers of one dataset, shape (T, d)."""
    values = _array(episode, group, path)
    if values.ndim not in (1, 2) or values.dtype.kind not in "fiub":
        detail = f"{values.dtype} of shape {values.shape} are no rows of numbers"
        raise Hdf5Error(episode.path, f"{episode.group}/{path}", detail, "Name another path in the mapping")
    return values.reshape(len(values), -1)


def _pictures(episode: Demonstration, group: h5py.Group, path: str) -> list[NDArray[np.uint8]]:
    """Pictures of one camera, as they are or decompressed; each may have a shape of its own yet."""
    values = _array(episode, group, path)
    if values.ndim == 4 and values.dtype == np.uint8 and values.shape[3] == 3:
        return list(values)
    packed = values.dtype == object or (values.ndim == 2 and values.dtype == np.uint8)
    if not packed or not len(values):
        detail = f"{values.dtype} of shape {values.shape} are no pictures"
        raise Hdf5Error(episode.path, f"{episode.group}/{path}", detail, "Give uint8 (T, height, width, 3), or JPEGs")
    return [_unpacked(episode, path, row, picture) for row, picture in enumerate(values)]


def _unpacked(episode: Demonstration, path: str, row: int, packed: NDArray[np.uint8]) -> NDArray[np.uint8]:
    try:
        with Image.open(io.BytesIO(np.asarray(packed, np.uint8).tobytes())) as image:
            return np.asarray(image.convert("RGB"), np.uint8)
    except (UnidentifiedImageError, OSError) as error:
        where = f"{episode.group}/{path}"
        raise Hdf5Error(episode.path, where, f"picture {row} is torn: {error}", "Leave the file out") from error


def _alike(
    episode: Demonstration, path: str, pictures: Sequence[NDArray[np.uint8]], shape: tuple[int, ...]
) -> NDArray[np.uint8]:
    for row, picture in enumerate(pictures):
        if picture.shape != shape:
            detail = f"picture {row} is {picture.shape[1]}x{picture.shape[0]}, the first was {shape[1]}x{shape[0]}"
            raise Hdf5Error(episode.path, f"{episode.group}/{path}", detail, "Convert unlike files apart")
    return np.stack(pictures)


def _array(episode: Demonstration, group: h5py.Group, path: str) -> NDArray[Any]:
    member = _member(episode.path, group, path)
    if not isinstance(member, h5py.Dataset) or not member.shape:
        raise Hdf5Error(episode.path, f"{episode.group}/{path}", "is no array", "Name the array in the mapping")
    return np.asarray(member[()])


def _member(path: Path, group: h5py.Group, name: str) -> Any:
    if name not in group:
        have = ", ".join(sorted(group)) or "nothing"
        raise Hdf5Error(path, f"{group.name}/{name}", f"is missing; {group.name} has {have}", "Correct the mapping")
    return group[name]


def _labels(path: str, width: int) -> list[str]:
    name = path.rpartition("/")[2]
    return [name] if width == 1 else [f"{name}.{number}" for number in range(width)]


def _stored(parts: Sequence[NDArray[Any]]) -> str:
    """The type in which numbers are stored."""
    kinds = {part.dtype.kind for part in parts}
    return "float32" if "f" in kinds else "bool" if kinds == {"b"} else "int64"


def _source(episode: Demonstration, file: str) -> EpisodeSource:
    """Each demonstration is a recording of its own, also where a file has several."""
    recording = file if episode.group == "/" else digest_bytes(f"{file}/{episode.group}".encode())
    return EpisodeSource(episode=0, source=recording, generator=UNTOLD, world=UNTOLD, seed=0, outcome="unknown")


def _proven(dataset: Dataset, episodes: Sequence[Demonstration], mapping: Hdf5Mapping) -> Hdf5Report:
    """Compare a dataset with the files it was made of.

    Raises:
        Hdf5Error: If it does not hold what they hold.
    """
    numbers = frames = 0
    worst = np.inf
    for index, episode in enumerate(episodes):
        columns, pictures = _read(episode, mapping, dataset.info.features)
        stored = dataset.episode(index)
        for name, values in columns.items():
            if stored[name].tobytes() != values.tobytes():
                raise Hdf5Error(episode.path, episode.group, f"{name} is not what was written", "Convert again")
            numbers += values.size
        for name, seen in pictures.items():
            shown = dataset.frames(index, name)
            for row in sample_indices(len(seen)):
                worst = min(worst, _psnr_db(shown[row], seen[row]))
                frames += 1
            if worst < LEAST_PSNR_DB:
                detail = f"{name} differs from its pictures, by a PSNR of {worst:.1f} dB"
                raise Hdf5Error(episode.path, episode.group, detail, "Are these pictures of a camera? Look at them")
    return Hdf5Report(
        dataset=str(dataset.root),
        files=len({episode.path for episode in episodes}),
        episodes=len(episodes),
        rows=dataset.info.total_frames,
        fps=dataset.fps,
        numbers=numbers,
        frames=frames,
        worst_psnr_db=round(float(worst), 2) if frames else None,
        mapping=mapping,
    )


def _psnr_db(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio; 100 for equal pictures."""
    error = np.square(one.astype(np.float64) - other).mean()
    return 100.0 if error == 0 else float(10 * np.log10(255**2 / error))


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    """A file to read.

    Raises:
        Hdf5Error: If it is torn, where it is opened or where it is read.
    """
    try:
        with h5py.File(path, "r") as file:
            yield file
    except OSError as error:
        detail = f"cannot be read: {str(error).partition(chr(10))[0]}"
        raise Hdf5Error(path, "/", detail, "Copy the file again, or leave it out") from error
