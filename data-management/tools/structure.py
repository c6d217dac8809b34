"""Defects of files and of numbers that must agree, found without trusting any of them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from physai.infrastructure.datasets import depth, video
from physai.infrastructure.datasets.errors import InfoError, TornFileError, VersionError
from physai.infrastructure.datasets.info import NUMBERS, STATS, TASKS, Feature, Info
from physai.infrastructure.datasets.metadata import PLACE, read_episodes, read_stats

from .catalogue import Finding, found

LEFTOVERS = ("images/*/*", "images/*", "tmp*", ".*.part", "videos/*/tmp*")

Rows = list[dict[str, Any]]


def structure_findings(root: Path) -> Iterator[Finding]:
    """Everything about the files of a dataset; nothing if the reader can open it.

    Raises:
        MissingFileError: If there is no dataset.
    """
    try:
        info = Info.read(root)
    except VersionError as error:
        yield found("version", str(error))
        return
    except InfoError as error:
        yield found("info", str(error))
        return
    yield from _tasks(root, info)
    yield from _leftovers(root)
    try:
        rows = read_episodes(root, info, statistics=False).to_pylist()
    except TornFileError as error:
        yield found("episodes-file", str(error))
        return
    yield from _counts(info, rows)
    yield from _splits(info, len(rows))
    yield from _data(root, info, rows)
    for camera, feature in info.cameras.items():
        yield from _video(root, info, rows, camera, feature)
    yield from _orphans(root, info, rows)
    yield from _stats(root, info)


def _tasks(root: Path, info: Info) -> Iterator[Finding]:
    path = root / TASKS
    try:
        table = pq.read_table(path)
        numbers = np.sort(table["task_index"].to_numpy()).tolist()
    except (pa.ArrowException, OSError, KeyError) as error:
        yield found("tasks-file", f"{path}: {str(error).partition(chr(10))[0]}")
        return
    if numbers != list(range(len(table))):
        yield found("tasks-file", f"{path}: task_index is {numbers[:5]}…, expected 0 to {len(table) - 1}")
    if len(table) != info.total_tasks:
        yield found("total-tasks", f"info.json says {info.total_tasks}, {TASKS} has {len(table)}")


def _leftovers(root: Path) -> Iterator[Finding]:
    seen: set[Path] = set()
    for pattern in LEFTOVERS:
        for path in sorted(root.glob(pattern)):
            if path.is_dir() and not seen & {path, *path.parents} and any(path.iterdir()):
                seen.add(path)
                yield found("leftover", str(path))


def _counts(info: Info, rows: Rows) -> Iterator[Finding]:
    if len(rows) != info.total_episodes:
        yield found("total-episodes", f"info.json says {info.total_episodes}, the episodes file has {len(rows)}")
    total = sum(row["length"] for row in rows)
    if total != info.total_frames:
        yield found("total-frames", f"info.json says {info.total_frames}, episodes have {total}")
    end = 0
    for number, row in enumerate(rows):
        start, last = row["dataset_from_index"], row["dataset_to_index"]
        if row["episode_index"] != number:
            yield found("episode-numbers", f"episode_index is {row['episode_index']}, expected {number}", number)
        if row["length"] != last - start or row["length"] < 1:
            yield found("episode-length", f"length is {row['length']}, rows are {start} to {last}", number)
        if start != end:
            yield found("episode-bounds", f"begins at row {start}, the one before ends at {end}", number)
        end = last


def _splits(info: Info, episodes: int) -> Iterator[Finding]:
    taken: dict[int, str] = {}
    for name, text in info.splits.items():
        first, _, last = text.partition(":")
        if not (first.isdecimal() and last.isdecimal() and int(first) <= int(last) <= episodes):
            yield found("split", f"{name} is '{text}', no range within 0:{episodes}")
            continue
        if both := [i for i in range(int(first), int(last)) if i in taken]:
            yield found("split", f"episode {both[0]} is in {taken[both[0]]} and in {name}")
        taken |= dict.fromkeys(range(int(first), int(last)), name)


def _data(root: Path, info: Info, rows: Rows) -> Iterator[Finding]:
    expected: dict[Path, int] = {}
    for row in rows:
        path = _data_path(root, info, row)
        expected[path] = expected.get(path, 0) + row["length"]
    for path, count in expected.items():
        if not path.exists():
            yield found("data-missing", str(path))
            continue
        try:
            file = pq.ParquetFile(path)
            file.read(columns=["index"])
        except (pa.ArrowException, OSError) as error:
            yield found("data-torn", f"{path}: {str(error).partition(chr(10))[0]}")
            continue
        if file.metadata.num_rows != count:
            yield found("row-count", f"{path}: {file.metadata.num_rows} rows, its episodes have {count}")
        yield from _columns(path, file.schema_arrow, info.columns)


def _columns(path: Path, schema: pa.Schema, features: Mapping[str, Feature]) -> Iterator[Finding]:
    for name, feature in features.items():
        if name not in schema.names:
            yield found("column-missing", f"{path}: {name}")
            continue
        if feature.dtype not in NUMBERS:
            continue
        kind: Any = schema.field(name).type
        width = 1
        while pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind):
            width *= kind.list_size if pa.types.is_fixed_size_list(kind) else 0
            kind = kind.value_type
        wanted = pa.bool_() if feature.dtype == "bool" else pa.from_numpy_dtype(np.dtype(feature.dtype))
        size = int(np.prod(feature.shape))
        if not isinstance(kind, pa.BaseExtensionType) and (kind != wanted or width not in (0, size)):
            yield found(
                "column-type", f"{path}: {name} is {width or '?'} x {kind}, info.json says {size} x {feature.dtype}"
            )
    for name in schema.names:
        if name not in features:
            yield found("column-extra", f"{path}: {name}")


def _video(root: Path, info: Info, rows: Rows, camera: str, feature: Feature) -> Iterator[Finding]:
    by_file: dict[Path, list[tuple[int, dict[str, Any]]]] = {}
    for number, row in enumerate(rows):
        by_file.setdefault(_video_path(root, info, row, camera), []).append((number, row))
    for path, episodes in by_file.items():
        if not path.exists():
            yield found("video-missing", str(path))
            continue
        try:
            at = video.frame_rows(path, info.fps)
        except TornFileError as error:
            yield found("video-torn", str(error))
            continue
        wanted = sum(row["length"] for _, row in episodes)
        if len(at) != wanted:
            yield found("frame-count", f"{path}: {len(at)} frames, its episodes have {wanted} rows")
        yield from _video_bounds(path, info.fps, camera, episodes)
        yield from _encoding(path, info.fps, camera, feature, np.array(at))


def _video_bounds(path: Path, fps: int, camera: str, episodes: list[tuple[int, dict[str, Any]]]) -> Iterator[Finding]:
    end = 0.0
    for number, row in sorted(episodes, key=lambda pair: float(pair[1][f"videos/{camera}/from_timestamp"])):
        start, stop = row[f"videos/{camera}/from_timestamp"], row[f"videos/{camera}/to_timestamp"]
        if abs((stop - start) * fps - row["length"]) > 0.5:
            detail = f"{path}: {start:.3f} to {stop:.3f} s are not {row['length']} rows at {fps} Hz"
            yield found("video-bounds", detail, number)
        elif start < end - 0.5 / fps:
            detail = f"{path}: begins at {start:.3f} s, before the episode before it ends at {end:.3f}"
            yield found("video-bounds", detail, number)
        end = stop


def _encoding(path: Path, fps: int, camera: str, feature: Feature, at: Any) -> Iterator[Finding]:
    with video.opened(path) as container:
        stream = container.streams.video[0]
        size, rate = (stream.height, stream.width), stream.average_rate
        codec, pix_fmt = stream.codec.canonical_name, stream.pix_fmt
    if size != tuple(feature.shape[:2]):
        yield found("picture-size", f"{path}: {size[0]} x {size[1]}, {camera} says {feature.shape}")
    told = feature.info or {}
    if feature.is_depth and pix_fmt != depth.PIX_FMT:
        yield found("picture-codec", f"{path}: {camera} is depth, its frames are {pix_fmt}, expected {depth.PIX_FMT}")
    for name, value in (("codec", codec), ("pix_fmt", pix_fmt)):
        if told.get(f"video.{name}") not in (None, value):
            yield found("picture-codec", f"{path}: {name} is {value}, info.json says {told[f'video.{name}']}")
    steps = np.diff(at)
    if len(steps) and abs(float(np.median(steps)) - 1) > 0.01:
        yield found("picture-rate", f"{path}: {fps / float(np.median(steps)):.2f} Hz ({rate}), the dataset has {fps}")
    elif len(at) and (off := np.abs(at - np.arange(len(at)))).max() > video.TOLERANCE_S * fps:
        row = int((off > video.TOLERANCE_S * fps).argmax())
        yield found("frame-time", f"{path}: frame {row} is shown {at[row] - row:+.3f} rows off")


def _orphans(root: Path, info: Info, rows: Rows) -> Iterator[Finding]:
    used = {_data_path(root, info, row) for row in rows}
    used |= {_video_path(root, info, row, camera) for row in rows for camera in info.cameras}
    for path in sorted([*root.glob("data/**/*.parquet"), *root.glob("videos/**/*.mp4")]):
        if path not in used:
            yield found("orphan", str(path))


def _stats(root: Path, info: Info) -> Iterator[Finding]:
    path = root / STATS
    try:
        stats = read_stats(root)
    except TornFileError as error:
        yield found("stats-missing", str(error))
        return
    needed = [name for name, f in info.features.items() if f.dtype in NUMBERS or f.is_video]
    for name in needed:
        if not {"min", "max", "mean", "std"} <= stats.get(name, {}).keys():
            yield found("stats-missing", f"{path}: {name}")


def _data_path(root: Path, info: Info, row: Mapping[str, Any]) -> Path:
    return root / info.data_path.format(**{name: row[f"data/{name}"] for name in PLACE})


def _video_path(root: Path, info: Info, row: Mapping[str, Any], camera: str) -> Path:
    numbers = {name: row[f"videos/{camera}/{name}"] for name in PLACE}
    return root / (info.video_path or "").format(video_key=camera, **numbers)
