"""A faster reader under LeRobot's own dataset class: same items, same order, for training as it is.

    from physai.data_management.reader import fast
    dataset = fast(LeRobotDataset(repo_id, root=root, delta_timestamps=deltas))

LeRobot 0.6.1 turns each row of an item, and each row of an action chunk, from Arrow into Python and into tensors one by
one, and with PyAV opens the video anew for each frame. Here columns are tensors once per process, a chunk is one
gather, and files stay open at the frame where the last item ended, so that the next one in a row needs no seek. Values
are bit for bit those of LeRobot's `pyav` backend. Datasets with features of other kinds than numbers and RGB video are
read as before.

This module imports PyTorch and LeRobot.
"""

from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from lerobot.datasets.dataset_reader import DatasetReader
from lerobot.datasets.lerobot_dataset import LeRobotDataset
from lerobot.datasets.video_utils import FrameTimestampError

from physai.infrastructure.datasets.info import NUMBERS

OPEN_FILES = 32
NEAR_FRAMES = 4  # further ahead, a seek is cheaper than decoding what lies between


def fast(dataset: LeRobotDataset) -> LeRobotDataset:
    """Let a dataset read faster; the same object comes back.

    Args:
        dataset: Opened to read.
    """
    reader = dataset.reader
    assert reader is not None
    if all(f["dtype"] in (*NUMBERS, "video") for f in dataset.features.values()) and not dataset.meta.depth_keys:
        reader.__class__ = FastReader
    return dataset


class FastReader(DatasetReader):  # type: ignore[misc] # LeRobot is not typed
    """Reads items from tensors and open files."""

    _rows: "_Rows | None" = None
    _videos: "_Videos | None" = None

    def __getstate__(self) -> dict[str, Any]:
        """Tensors and open files stay in their process; a worker makes its own."""
        return {name: value for name, value in self.__dict__.items() if name not in ("_rows", "_videos")}

    def get_item(self, idx: int) -> dict[str, Any]:
        """One item, as `DatasetReader.get_item` gives it."""
        if self._rows is None or self._videos is None:
            self._rows, self._videos = _Rows(self), _Videos(self._tolerance_s)
        rows, row = self._rows, int(idx)
        if row < 0:
            row += rows.count
        if not 0 <= row < rows.count:
            raise IndexError(f"item {idx} of {rows.count}")
        item: dict[str, Any] = {name: values[row] for name, values in rows.columns.items()}
        episode = int(rows.episode[row])
        at = {camera: [row] for camera in self._meta.video_keys}
        if self.delta_indices is not None:
            first, last = rows.bounds(row)
            for name, deltas in self.delta_indices.items():
                wanted = torch.as_tensor(deltas) + row
                item[f"{name}_is_pad"] = (wanted < first) | (wanted >= last)
                inside = wanted.clamp(first, last - 1)
                if name in at:
                    at[name] = inside.tolist()
                else:
                    item[name] = rows.columns[name][inside]
        if at:
            item = {**self._frames(at, episode), **item}
        if self._image_transforms is not None:
            for camera in self._meta.camera_keys:
                item[camera] = self._image_transforms(item[camera])
        item["task"] = rows.tasks[int(item["task_index"])]
        return item

    def _frames(self, at: dict[str, list[int]], episode: int) -> dict[str, torch.Tensor]:
        assert self._rows is not None
        assert self._videos is not None
        rows, videos = self._rows, self._videos
        if episode not in rows.clips:
            row = self._meta.episodes[episode]
            rows.clips[episode] = {
                camera: (
                    self.root / self._meta.get_video_file_path(episode, camera),
                    row[f"videos/{camera}/from_timestamp"],
                )
                for camera in at
            }
        wanted = {}
        for camera, numbers in at.items():
            path, start = rows.clips[episode][camera]
            wanted[camera] = (path, [start + float(rows.timestamp[number]) for number in numbers])
        return videos.decode(wanted, as_uint8=self._return_uint8)


class _Rows:
    """All columns of the selected episodes as tensors."""

    def __init__(self, reader: DatasetReader) -> None:
        table = reader.hf_dataset.data
        self.columns: dict[str, torch.Tensor] = {}
        for name, feature in reader._meta.features.items():
            if feature["dtype"] == "video":
                continue
            column = table.column(name)
            shape = tuple(feature["shape"])
            flat: Any = column.combine_chunks()
            if hasattr(flat, "storage"):
                flat = flat.storage
            while hasattr(flat, "flatten") and hasattr(flat.type, "value_type"):
                flat = flat.flatten()
            values = torch.from_numpy(np.array(flat.to_numpy(zero_copy_only=False)))
            kind = torch.float32 if values.is_floating_point() else values.dtype
            kind = kind if kind in (torch.float32, torch.bool) else torch.int64
            self.columns[name] = values.to(kind).reshape((-1,) if shape == (1,) else (-1, *shape))
        self.count = len(table)
        self.timestamp = self.columns["timestamp"].numpy()
        self.episode = self.columns["episode_index"].numpy()
        change = np.flatnonzero(np.diff(self.episode)) + 1
        self._starts = np.concatenate([[0], change])
        self._ends = np.concatenate([change, [self.count]])
        self.tasks = [str(name) for name in reader._meta.tasks.index]
        self.clips: dict[int, dict[str, tuple[Path, float]]] = {}
        """Episode → camera → its file, and when the episode starts in it, s."""

    def bounds(self, row: int) -> tuple[int, int]:
        """First row of the row's episode, and the one after its last."""
        number = int(np.searchsorted(self._starts, row, side="right")) - 1
        return int(self._starts[number]), int(self._ends[number])


class _Videos:
    """Open files, the least used closed first."""

    def __init__(self, tolerance_s: float) -> None:
        self._tolerance_s = tolerance_s
        self._open: OrderedDict[Path, _Video] = OrderedDict()
        self._pool: ThreadPoolExecutor | None = None

    def decode(self, wanted: dict[str, tuple[Path, list[float]]], *, as_uint8: bool) -> dict[str, torch.Tensor]:
        """Pictures of each camera at these times, decoded side by side."""
        jobs = [(camera, self._get(path), times) for camera, (path, times) in wanted.items()]
        if self._pool is None and len(jobs) > 1:
            self._pool = ThreadPoolExecutor(len(jobs) - 1)
        futures = {
            camera: self._pool.submit(file.pictures, times, self._tolerance_s, as_uint8)
            for camera, file, times in jobs[1:]
            if self._pool is not None
        }
        camera, file, times = jobs[0]  # in this thread, while the others are at work
        decoded = {camera: file.pictures(times, self._tolerance_s, as_uint8)}
        return decoded | {camera: future.result() for camera, future in futures.items()}

    def _get(self, path: Path) -> "_Video":
        if path not in self._open:
            self._open[path] = _Video(path)
            if len(self._open) > OPEN_FILES:
                self._open.popitem(last=False)[1].close()
        self._open.move_to_end(path)
        return self._open[path]


class _Video:
    """One open file, at the frame that was decoded last."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._container = av.open(str(path))
        self._stream = self._container.streams.video[0]
        self._stream.codec_context.thread_count = 1  # frames come out at once; cameras and workers run side by side
        self._base = float(self._stream.time_base or 1)
        self._step = 1 / float(self._stream.average_rate or 1)
        self._frames: Iterator[av.VideoFrame] = iter(())
        self._last: av.VideoFrame | None = None

    def pictures(self, times: list[float], tolerance_s: float, as_uint8: bool) -> torch.Tensor:
        """Pictures at these times, in their order: shape (3, height, width), of several (n, 3, height, width)."""
        shape = len(times), 3, self._stream.height, self._stream.width
        made = torch.empty(shape, dtype=torch.uint8 if as_uint8 else torch.float32)
        for time in sorted(set(times)):
            planar = self._at(time, tolerance_s).reformat(format="gbrp")  # the same numbers as rgb24, without mixing
            for number in (n for n, other in enumerate(times) if other == time):
                for channel, plane in enumerate(planar.planes[i] for i in (2, 0, 1)):
                    lines = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
                    made[number, channel].copy_(torch.from_numpy(lines[: shape[2], : shape[3]]))
        made = made if as_uint8 else made.div_(255.0)
        return made[0] if len(times) == 1 else made

    def _at(self, time: float, tolerance_s: float) -> av.VideoFrame:
        ahead = time - self._time()
        if abs(ahead) < tolerance_s and self._last is not None:
            return self._last
        if self._last is None or not 0 < ahead < NEAR_FRAMES * self._step:
            self._container.seek(round(time / self._base), stream=self._stream)
            self._frames = self._container.decode(self._stream)
        for frame in self._frames:
            self._last = frame
            if self._time() > time - tolerance_s:
                break
        if abs(self._time() - time) >= tolerance_s:
            self._last = None
            raise FrameTimestampError(f"{self._path}: no frame at {time:.4f} s within {tolerance_s:g} s.")
        assert self._last is not None
        return self._last

    def _time(self) -> float:
        return (self._last.pts or 0) * self._base if self._last is not None else float("-inf")

    def close(self) -> None:
        self._container.close()
