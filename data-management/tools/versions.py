"""Replaces a dataset by its edited form in one step, and keeps what it was so that it can be brought back.

Undo points of `DATASET` lie beside it in `.DATASET.undo/`, one folder each, named `NUMBER-ID` after the edit that they
undo. Video files that an edit left alone are shared between them by hard links and take no space. The exchange of the
two folders is one system call, so a reader, or a kill at any moment, meets the old dataset or the new, never none.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from physai.infrastructure.aside import locked
from physai.infrastructure.contracts import Contract, DatasetProvenance
from physai.infrastructure.datasets import Dataset
from physai.infrastructure.datasets.info import PROVENANCE, Info
from physai.infrastructure.rename import exchange

from ..annotations import Annotations
from ..errors import ExchangeError, NothingToUndoError
from ..journal import journal_of
from .rewrite import EditReport


class History(Contract):
    """All undo points of a dataset, the next first."""

    points: tuple["UndoPoint", ...]


PENDING = ".pending"


class UndoPoint(Contract):
    """A dataset as it was before an edit."""

    folder: str
    undoes: str
    """The operation."""
    author: str
    episodes: int
    """Of the dataset as it was."""


def replace(root: Path, edit_id: str, build: Callable[[Path], EditReport]) -> EditReport:
    """Replace a dataset by what `build` writes, and keep what it was.

    Args:
        root: The dataset.
        edit_id: Of the edit, as its provenance tells it.
        build: Is given a folder to write, and says what it made.

    Raises:
        ExchangeError: If the file system cannot exchange two folders.
    """
    with _history(root) as folder:
        number = 1 + max((int(point.name.partition("-")[0]) for point in _points(folder)), default=0)
        point = folder / f"{number:04d}-{edit_id}"
        pending = point.with_suffix(PENDING)
        heard = journal_of(root).names()
        report = build(pending)
        _exchange(pending, root)
        if journal_of(pending).names() != heard:  # somebody spoke while the edit was written
            Annotations(Dataset(root)).adopt(Annotations(Dataset(pending)))
        pending.rename(point)
        return report.model_copy(update={"dataset": str(root), "undo": str(point)})


def undo(root: Path) -> Dataset:
    """Bring back the dataset as it was before the last edit, byte for byte; what was said of it since is kept.

    Raises:
        NothingToUndoError: If there is no undo point.
    """
    with _history(root) as folder:
        points = _points(folder)
        if not points:
            raise NothingToUndoError(root)
        pending = points[-1].with_suffix(PENDING)
        points[-1].rename(pending)
        _exchange(pending, root)
        _discard(pending, root)
    return Dataset(root)


def undo_points(root: Path) -> list[UndoPoint]:
    """What can be brought back, the last first."""
    Info.read(root)
    points = _points(_folder(root))[::-1]
    after = [root, *points]
    return [_describe(point, made) for point, made in zip(points, after, strict=False)]


def forget(root: Path) -> int:
    """Remove all undo points, to free their space; returns how many there were."""
    with _history(root) as folder:
        points = _points(folder)
        for point in points:
            shutil.rmtree(point)
        return len(points)


def _describe(point: Path, made: Path) -> UndoPoint:
    edit = DatasetProvenance.read(made / PROVENANCE).edit
    assert edit is not None  # only an edit makes an undo point
    return UndoPoint(folder=str(point), undoes=edit.operation, author=edit.author, episodes=Dataset(point).num_episodes)


@contextmanager
def _history(root: Path) -> Iterator[Path]:
    """The folder of undo points, locked; what a killed edit or undo has left is settled first."""
    Info.read(root)
    folder = _folder(root)
    with locked(folder / "lock"):
        for pending in folder.glob(f"*{PENDING}"):
            if _made_by(pending) == pending.stem.partition("-")[2]:
                _discard(pending, root)  # an edit that was not put in place, or one that was undone
            else:
                pending.rename(pending.with_suffix(""))  # what the dataset was before an edit that is in place
        yield folder


def _discard(edited: Path, root: Path) -> None:
    """Remove an edited dataset; what was said of its episodes goes to the one that is in place."""
    Annotations(Dataset(root)).adopt(Annotations(Dataset(edited)))
    shutil.rmtree(edited)


def _made_by(root: Path) -> str | None:
    path = root / PROVENANCE
    edit = DatasetProvenance.read(path).edit if path.exists() else None
    return edit.id if edit else None


def _points(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("[0-9]*-*") if path.suffix != PENDING)


def _folder(root: Path) -> Path:
    root = root.resolve()
    return root.with_name(f".{root.name}.undo")


def _exchange(one: Path, other: Path) -> None:
    """Let two folders change names, in one step."""
    try:
        exchange(one.resolve(), other.resolve())
    except OSError as error:
        raise ExchangeError(other, str(error.strerror)) from error
