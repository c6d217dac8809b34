"""What was said of a dataset's episodes, as files that are written once and never changed.

Each act of saying is a file `meta/annotations/<time>-<random>.jsonl` of the dataset, in a folder or in a container,
created only if there is none of its name. So two people who speak at once both are heard, a kill leaves a whole file or
none, and what was taken back is still there to be read.
"""

import secrets
from collections import OrderedDict
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError

from physai.infrastructure.contracts import Contract, Digest
from physai.infrastructure.datasets import ANNOTATIONS
from physai.infrastructure.storage import Store
from physai.infrastructure.storage.concurrent import each
from physai.infrastructure.storage.folder import FolderStore
from physai.infrastructure.storage.store import THREADS

from .errors import AnnotationError

Kind = Literal["label", "category", "rating", "comment", "review", "subtask"]
KEPT = 50_000  # files whose lines stay in memory


class Statement(Contract):
    """One thing that is said of an episode."""

    id: str = Field(pattern=r"^[0-9A-Za-z-]{1,80}$")
    episode_key: Digest
    kind: Kind
    value: str
    """A rating is `1` to `5`, a review `accept`, `reject` or `unsure`; anything else is free text."""
    from_row: int | None = None
    """Of a subtask: its first row within the episode."""
    to_row: int | None = None
    """Of a subtask: the row after its last."""
    author: str
    at: AwareDatetime


class Said(Statement):
    """Something was said of an episode."""

    what: Literal["said"] = "said"


class TakenBack(Contract):
    """Something that was said holds no longer."""

    what: Literal["taken-back"] = "taken-back"
    id: str
    """Of what was said."""
    author: str
    at: AwareDatetime


class Undone(Contract):
    """What its author said and took back in one act is as if it had never been."""

    what: Literal["undone"] = "undone"
    act: AwareDatetime
    """When that was: all lines of one act have the same author and time, in every dataset they are carried to."""
    author: str
    at: AwareDatetime


Line = Said | TakenBack | Undone
LINE: TypeAdapter[Line] = TypeAdapter(Annotated[Line, Field(discriminator="what")])


class Journal:
    """The files of one dataset. Reading creates nothing."""

    def __init__(self, store: Store, folder: str = "", cache: Path | None = None) -> None:
        """Name the place.

        Args:
            store: That the dataset is in.
            folder: Of the dataset in the store; empty: the store's own.
            cache: Where files of a distant store are kept.
        """
        self._store, self._cache = store, cache
        self._folder = f"{folder}/{ANNOTATIONS.as_posix()}".strip("/")

    @cached_property
    def place(self) -> str:
        """Where it is, for messages."""
        return f"{self._store.uri}/{self._folder}"

    def names(self) -> tuple[str, ...]:
        """Keys of the files, in order of time; the same files have the same content forever."""
        return tuple(stored.key for stored in self._store.list(self._folder) if stored.key.endswith(".jsonl"))

    def lines(self) -> list[Line]:
        """Everything that was said and taken back, by files in order of time.

        Raises:
            AnnotationError: If a file is not one of ours.
        """
        names = self.names()
        missing = [name for name in names if _memory.get((self._store.uri, name)) is None]
        if missing:
            each(self._lines, missing, THREADS)
        return [line for name in names for line in self._lines(name)]

    def append(self, lines: Iterable[Line]) -> None:
        """Add what was said at once; all of it, or nothing, is there afterwards."""
        content = "".join(f"{line.model_dump_json()}\n" for line in lines)
        if content:
            self._store.create(f"{self._folder}/{stamp(datetime.now(UTC))}.jsonl", content.encode())

    def _lines(self, key: str) -> tuple[Line, ...]:
        if (known := _memory.get((self._store.uri, key))) is not None:
            return known
        try:
            lines = tuple(LINE.validate_json(line) for line in self._content(key).splitlines())
        except ValidationError as error:
            raise AnnotationError(
                f"{self._store.uri}/{key}", f"{error.errors()[0]['msg']}. Remove the file, or restore it from a backup"
            ) from error
        _memory.keep((self._store.uri, key), lines)
        return lines

    def _content(self, key: str) -> bytes:
        if self._cache is None:
            return b"".join(self._store.read(key))
        path = self._cache / Path(key).name
        if not path.exists():
            self._store.get(key, path)
        return path.read_bytes()


def journal_of(root: Path) -> Journal:
    """The journal of a dataset on this machine."""
    return Journal(FolderStore(root))


def stamp(at: datetime) -> str:
    """A word that nobody else has, in order of time."""
    return f"{at:%Y%m%dT%H%M%S%fZ}-{secrets.token_hex(5)}"


class _Memory:
    """Lines of the files that were read last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], tuple[Line, ...]] = OrderedDict()
        self._lock = Lock()

    def get(self, name: tuple[str, str]) -> tuple[Line, ...] | None:
        with self._lock:
            return self._kept.get(name)

    def keep(self, name: tuple[str, str], lines: tuple[Line, ...]) -> None:
        with self._lock:
            self._kept[name] = lines
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)


_memory = _Memory()
