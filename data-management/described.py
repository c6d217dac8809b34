"""A dataset as its metadata tells of it, wherever rows and videos are: enough to judge and to filter episodes."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from physai.infrastructure.contracts import DatasetProvenance, Digest
from physai.infrastructure.datasets import Info
from physai.infrastructure.datasets.errors import TornFileError
from physai.infrastructure.datasets.identity import episode_keys
from physai.infrastructure.datasets.info import ANNOTATIONS, PROVENANCE
from physai.infrastructure.datasets.metadata import PLACE, read_episodes
from physai.infrastructure.settings import settings
from physai.infrastructure.storage import Store, open_file

from .errors import NoKeysError
from .journal import Journal
from .tools.outcome import SUCCESS_COLUMNS, outcomes_in

Open = Callable[[Path], BinaryIO]


class Described:
    """Episodes of a dataset. Its parts are not held against each other; `Dataset` does that."""

    def __init__(self, root: Path, opened: Open) -> None:
        """Read the metadata.

        Args:
            root: Folder in which its `meta/` lies.
            opened: Opens a file by its name in the dataset.

        Raises:
            DatasetError: If it is damaged.
        """
        self.root, self._open = root, opened
        self.info = Info.read(root)
        self._table = read_episodes(root, self.info).sort_by("episode_index")
        rows: list[dict[str, Any]] = self._table.select(["length", "tasks"]).to_pylist()
        self.lengths = [int(row["length"]) for row in rows]
        self.tasks = [str(row["tasks"][0]) for row in rows]

    @property
    def num_episodes(self) -> int:
        """Episodes in the dataset."""
        return len(self.lengths)

    @property
    def fps(self) -> int:
        """Rows per second."""
        return self.info.fps

    @cached_property
    def keys(self) -> list[Digest]:
        """Identity of each episode, as `Dataset.keys`.

        Raises:
            NoKeysError: If the metadata has no statistics to tell it by.
        """
        keys = episode_keys(self._table, self.info)
        if keys is None:
            raise NoKeysError(self.root)
        return keys

    @cached_property
    def provenance(self) -> DatasetProvenance | None:
        """Where the episodes come from; None for a dataset that was made elsewhere."""
        path = self.root / PROVENANCE
        return DatasetProvenance.read(path) if path.exists() else None

    @cached_property
    def splits(self) -> dict[str, range]:
        """Episodes of each split that is a range of them."""
        ranges = {name: text.partition(":") for name, text in self.info.splits.items()}
        return {
            name: range(int(first), min(int(last), self.num_episodes))
            for name, (first, _, last) in ranges.items()
            if first.isdecimal() and last.isdecimal()
        }

    @cached_property
    def outcomes(self) -> list[str]:
        """As `outcomes` tells of a dataset; of the rows no more than one column is read."""
        told = outcomes_in(self.provenance, self.num_episodes)
        column = next((name for name in SUCCESS_COLUMNS if name in self.info.columns), None)
        if told is not None or column is None:
            return told or ["unknown"] * self.num_episodes
        succeeded = self._episodes_with(column)
        return ["success" if episode in succeeded else "failure" for episode in range(self.num_episodes)]

    def _episodes_with(self, column: str) -> set[int]:
        """Episodes in which a column of flags is ever true."""
        found: set[int] = set()
        for path in self._row_files():
            try:
                with self._open(path) as opened:
                    table = pq.read_table(opened, columns=["episode_index", column])
            except (pa.ArrowException, OSError, KeyError) as error:
                raise TornFileError(path, str(error).partition("\n")[0]) from error
            rows: list[dict[str, Any]] = table.to_pylist()
            found |= {row["episode_index"] for row in rows if np.any(row[column])}
        return found

    def _row_files(self) -> list[Path]:
        """Names in the dataset of the files that hold its rows."""
        numbers = dict.fromkeys(zip(*(self._table[f"data/{name}"].to_pylist() for name in PLACE), strict=True))
        return [Path(self.info.data_path.format(chunk_index=chunk, file_index=file)) for chunk, file in numbers]


def described(store: Store, name: str = "") -> tuple[Described, Journal]:
    """A dataset in a store, and what was said of it; its metadata is brought here.

    Args:
        store: That it is in.
        name: Its folder in the store; empty: the store's own.

    Raises:
        MissingKeyError: If there is none.
        DatasetError: If it is damaged.
    """
    from hashlib import sha256

    uri = f"{store.uri}/{name}".rstrip("/")
    folder = settings().home / "datasets" / sha256(uri.encode()).hexdigest()[:12]
    store.sync_down(f"{name}/meta".lstrip("/"), folder / "meta", skip=[ANNOTATIONS.name], mirror=True)
    journal = Journal(store, name, folder / ".annotations")
    return Described(folder, lambda file: open_file(store, f"{name}/{file.as_posix()}".lstrip("/"))), journal
