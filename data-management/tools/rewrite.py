"""Writes a dataset from pieces of others: the one engine under delete, filter, split, merge, trim and curate.

`rows.py` moves rows, `clips.py` the packets of videos, `episodes.py` what is told of episodes.
"""

import getpass
import json
import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from typing import Any

from physai.infrastructure.aside import whole_folder
from physai.infrastructure.contracts import (
    Contract,
    DatasetEdit,
    DatasetProvenance,
    Digest,
    DroppedEpisode,
    digest_tree,
)
from physai.infrastructure.datasets import Dataset
from physai.infrastructure.datasets.info import ANCESTORS, INFO, NOT_CONTENT, PROVENANCE, VERIFICATION
from physai.infrastructure.datasets.metadata import write_tasks

from ..annotations import Annotations, Moved
from ..described import Described
from ..errors import EmptyResultError, MergeError
from .clips import CameraFiles
from .episodes import write_episodes
from .pieces import Piece, Tasks
from .provenance import provenance_of
from .rows import RowFiles
from .verification import verification_of

Progress = Callable[[int, int], None]
"""Is told (done, total)."""

OWN = ("data", "videos", "images", "meta")
"""Folders that are written anew; other files of the first dataset are copied."""


class EditReport(Contract):
    """What an edit made."""

    operation: str
    dataset: str
    content: Digest
    parents: tuple[Digest, ...]
    episodes: int
    rows: int
    splits: dict[str, int]
    """Name → episodes."""
    dropped: tuple[DroppedEpisode, ...] = ()
    cut: int = 0
    """Episodes of which rows were left out."""
    encoded_frames: int = 0
    """Frames that were encoded again, because a cut fell inside a group of pictures; all others are copies."""
    undo: str | None = None
    """Where the dataset as it was is kept; None if it was not replaced."""


def silent(done: int, total: int) -> None:
    """Progress that nobody watches."""


def described_edit(
    operation: str, arguments: Mapping[str, str] | None = None, author: str | None = None
) -> DatasetEdit:
    """What the provenance says of an edit; the author is by default who runs this."""
    return DatasetEdit(
        id=uuid.uuid4().hex,
        operation=operation,
        arguments=dict(arguments or {}),
        author=author or getpass.getuser(),
    )


def rewrite(
    pieces: Sequence[Piece],
    output: Path,
    edit: DatasetEdit,
    *,
    splits: Mapping[str, int] | None = None,
    dropped: Sequence[DroppedEpisode] = (),
    parents: Mapping[Dataset, DatasetProvenance] | None = None,
    progress: Progress = silent,
) -> EditReport:
    """Write a dataset of these pieces, in this order; it appears whole or not at all.

    Args:
        pieces: Of datasets with the same features and rate.
        output: Where it appears.
        edit: Goes into the provenance.
        splits: Name → number of episodes, in the order of the pieces; by default all are `train`.
        dropped: What was left out, and why.
        parents: Provenance of the datasets, if it was verified already.
        progress: Is told of episodes, once for their rows and once for each camera.

    Raises:
        EmptyResultError: If there are no pieces.
        MergeError: If datasets do not fit together.
        DatasetError: If one cannot be read, or is not what its provenance says.
    """
    if not pieces:
        raise EmptyResultError(output, edit.operation)
    datasets = list(dict.fromkeys(piece.dataset for piece in pieces))
    for dataset in datasets:
        check_mergeable(dataset, datasets[0])
    known = parents or {}
    parents = {dataset: known[dataset] if dataset in known else provenance_of(dataset) for dataset in datasets}
    counts = dict(splits or {"train": len(pieces)})
    with whole_folder(output) as part:
        encoded = _fill(part, pieces, counts, progress)
        for digest, ancestor in _ancestors(parents).items():
            ancestor.write(part / ANCESTORS / f"{digest.replace(':', '-')}.json")
        if verification := verification_of(pieces):
            verification.write(part / VERIFICATION)
        written = Dataset(part)
        made = edit.model_copy(update={"encoded_frames": encoded})
        provenance = _provenance(part, pieces, parents, made, dropped)
        provenance.write(part / PROVENANCE)
        _carry(written, pieces)
    return EditReport(
        operation=edit.operation,
        dataset=str(output),
        content=provenance.content,
        parents=provenance.parents,
        episodes=len(pieces),
        rows=written.info.total_frames,
        splits=counts,
        dropped=tuple(dropped),
        cut=sum(not piece.is_whole for piece in pieces),
        encoded_frames=encoded,
    )


def _fill(part: Path, pieces: Sequence[Piece], splits: Mapping[str, int], progress: Progress) -> int:
    """Write all files but the provenance; returns how many frames were encoded again."""
    first, tasks = pieces[0].dataset, Tasks(pieces)
    advance = _steps(len(pieces) * (1 + len(first.info.cameras)), progress)
    _copy_other_files(first.root, part)
    rows = RowFiles(part, first, tasks)
    described = rows.write(pieces, advance)
    encoded = 0
    for camera in first.info.cameras:
        files = CameraFiles(part, first.info, camera)
        of_frames = files.write([piece.range(camera) for piece in pieces], advance)
        described = [row | more for row, more in zip(described, of_frames, strict=True)]
        encoded += files.encoded
    _write_info(part, first, described, tasks, splits)
    write_tasks(part, tasks.numbers)
    write_episodes(part, first, pieces, described, rows.stats)
    return encoded


def _steps(total: int, progress: Progress) -> Callable[[int], None]:
    """Progress that is told how much was done since the last time."""
    so_far = 0

    def advance(steps: int) -> None:
        nonlocal so_far
        so_far += steps
        progress(so_far, total)

    progress(0, total)
    return advance


def check_mergeable(dataset: Dataset | Described, first: Dataset | Described) -> None:
    """Refuse datasets whose episodes cannot be in one.

    Raises:
        MergeError: If rate, robot or features differ.
    """
    for what in ("fps", "robot_type"):
        if getattr(dataset.info, what) != getattr(first.info, what):
            raise MergeError(dataset.root, what, getattr(dataset.info, what), getattr(first.info, what))
    found, expected = dataset.info.features, first.info.features
    for name in sorted(found.keys() | expected.keys()):
        here = found[name].merge_key if name in found else "absent"
        there = expected[name].merge_key if name in expected else "absent"
        if here != there:
            raise MergeError(dataset.root, f"feature '{name}'", here, there)


def _write_info(
    part: Path, first: Dataset, rows: Sequence[Mapping[str, Any]], tasks: Tasks, splits: Mapping[str, int]
) -> None:
    """The first dataset's info, keys of others included, with the new numbers."""
    content = json.loads((first.root / INFO).read_bytes())
    ends = accumulate(splits.values())
    ranges = {name: f"{end - count}:{end}" for (name, count), end in zip(splits.items(), ends, strict=True) if count}
    content |= {
        "total_episodes": len(rows),
        "total_frames": rows[-1]["dataset_to_index"],
        "total_tasks": len(tasks.numbers),
        "splits": ranges,
    }
    (part / "meta").mkdir(exist_ok=True)
    (part / INFO).write_text(json.dumps(content, indent=4, ensure_ascii=False))


def _copy_other_files(source: Path, part: Path) -> None:
    """What people put beside the data, e.g. README.md or a licence."""
    for path in sorted(source.iterdir()):
        if path.name in OWN or path.name.startswith("."):
            continue
        (shutil.copytree if path.is_dir() else shutil.copy2)(path, part / path.name)


def _ancestors(parents: Mapping[Dataset, DatasetProvenance]) -> dict[Digest, DatasetProvenance]:
    found: dict[Digest, DatasetProvenance] = {}
    for dataset, provenance in parents.items():
        found |= {provenance.content: provenance, **dataset.ancestors}
    return found


def _provenance(
    part: Path,
    pieces: Sequence[Piece],
    parents: Mapping[Dataset, DatasetProvenance],
    edit: DatasetEdit,
    dropped: Sequence[DroppedEpisode],
) -> DatasetProvenance:
    sources = []
    for number, piece in enumerate(pieces):
        parent = parents[piece.dataset]
        changes = {"episode": number, "source": parent.content, "source_episode": piece.episode}
        cut = {"rows": None if piece.is_whole else (piece.first, piece.last)}
        sources.append(parent.episodes[piece.episode].model_copy(update=changes | cut))
    first = parents[pieces[0].dataset]
    return DatasetProvenance(
        content=digest_tree(part, NOT_CONTENT),
        task=first.task,
        robot=first.robot,
        created_at=datetime.now(UTC),
        parents=tuple(dict.fromkeys(parent.content for parent in parents.values())),
        episodes=tuple(sources),
        dropped=tuple(dropped),
        edit=edit,
    )


def _carry(written: Dataset, pieces: Sequence[Piece]) -> None:
    """Take along what people said of the episodes."""
    store = Annotations(written)
    for dataset in dict.fromkeys(piece.dataset for piece in pieces):
        source = Annotations(dataset)
        if not source.journal.names():
            continue
        moved: dict[Digest, list[Moved]] = {}
        for number, piece in enumerate(pieces):
            if piece.dataset is dataset:
                move = Moved(key=written.keys[number], from_row=piece.first, to_row=piece.last)
                moved.setdefault(dataset.keys[piece.episode], []).append(move)
        store.carry(source, moved)
