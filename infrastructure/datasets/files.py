"""The data and video files of a dataset that is being written; a full one is followed by the next."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from errno import EIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from .info import Info, data_schema
from .video import Source, VideoFile

COUNTERS = ("index", "frame_index")


class FileNumber:
    """Chunk and file, as they are in LeRobot's file names."""

    def __init__(self, files_per_chunk: int) -> None:
        self._per_chunk = files_per_chunk
        self.count = 0

    @property
    def fields(self) -> dict[str, int]:
        """For the path templates of `meta/info.json`."""
        return {"chunk_index": self.count // self._per_chunk, "file_index": self.count % self._per_chunk}


class RowFiles:
    """Parquet files of rows, one row group per episode, so that readers can take it alone."""

    def __init__(self, root: Path, info: Info) -> None:
        self._root = root
        self._info = info
        self._schema = data_schema(info.columns)
        self._number = FileNumber(info.chunks_size)
        self._writer: pq.ParquetWriter | None = None

    @property
    def _path(self) -> Path:
        return self._root / self._info.data_path.format(**self._number.fields)

    def append(self, values: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
        """Write the rows of one episode; returns what its row in the episodes file says of them."""
        if self._writer is not None and self._path.stat().st_size >= self._info.data_files_size_in_mb * 2**20:
            self.close()
            self._number.count += 1
        if self._writer is None:
            self._writer = row_writer(self._path, self._schema)
        arrays = [_arrow(values[field.name], field.type) for field in self._schema]
        with _naming(self._path):
            self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        return {f"data/{name}": number for name, number in self._number.fields.items()}

    def close(self) -> None:
        """Write the footer of the open file, without which it cannot be read."""
        if self._writer is not None:
            with _naming(self._path):
                self._writer.close()
            self._writer = None


def row_writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """A data file to write row groups into, compressed as LeRobot's are.

    Dictionaries are for columns that repeat themselves: for measured numbers and counters they take time, and space.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    repeating: Any = [field.name for field in schema if _repeats(field)]  # pyarrow's stubs know only a bool
    return pq.ParquetWriter(path, schema, compression="snappy", use_dictionary=repeating)


def _repeats(field: "pa.Field[Any]") -> bool:
    return not (pa.types.is_nested(field.type) or pa.types.is_floating(field.type)) and field.name not in COUNTERS


class ClipFiles:
    """MP4 files of one camera."""

    def __init__(self, root: Path, info: Info, camera: str) -> None:
        self._root = root
        self._info = info
        self._camera = camera
        self._number = FileNumber(info.chunks_size)
        self._file: VideoFile | None = None

    @property
    def path(self) -> Path:
        """The file that is written to."""
        assert self._info.video_path is not None
        return self._root / self._info.video_path.format(video_key=self._camera, **self._number.fields)

    def append(self, source: Source, first: int, rows: int) -> dict[str, Any]:
        """Copy the frames of one episode; returns what its row in the episodes file says of them.

        The file is followed by the next when it is full, and when `source` is of another encoding.
        """
        limit_mb = self._info.video_files_size_in_mb
        if self._file is not None and (self._file.size_mb >= limit_mb or not self._file.accepts(source)):
            self.close()
            self._number.count += 1
        if self._file is None:
            self._file = VideoFile(self.path, self._info.fps)
        start = self._file.frames
        self._file.append(source, first, rows)
        times = {"from_timestamp": start / self._info.fps, "to_timestamp": self._file.frames / self._info.fps}
        return {f"videos/{self._camera}/{name}": value for name, value in {**self._number.fields, **times}.items()}

    def close(self) -> None:
        """Write the index of the open file, without which it cannot be read."""
        if self._file is not None:
            self._file.close()
            self._file = None


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Name the file in an error of pyarrow's, which does not."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno or EIO, error.strerror or str(error), str(path)) from error


def _arrow(values: NDArray[Any], kind: pa.DataType) -> "pa.Array[Any]":
    flat: pa.Array[Any] = pa.array(values.ravel())
    return pa.FixedSizeListArray.from_arrays(flat, values.shape[1]).cast(kind) if values.ndim == 2 else flat.cast(kind)
