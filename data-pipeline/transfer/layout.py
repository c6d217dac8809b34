"""Which files of an edge folder are whole, and where they go: `raw/<robot>/<date>/…`, `converted/<robot>/<date>/…`.

What follows is the folder below the edge, so that two folders of one name stay apart.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from physai.infrastructure.aside import is_aside
from physai.infrastructure.contracts import ContractError, DatasetProvenance, RawEpisode
from physai.infrastructure.errors import MissingFileError

PROVENANCE = Path("meta/provenance.json")


class Whole(NamedTuple):
    """A file that is finished."""

    path: Path
    key: str
    """Name in the store."""
    last: bool
    """Whether it says that others are whole, and so goes after them: a sidecar, a provenance."""


def find_whole(folder: Path) -> Iterator[Whole]:
    """Everything below a folder that will not change any more: episodes with a sidecar, datasets with a provenance."""
    datasets = {path.parents[1] for path in folder.rglob(str(PROVENANCE)) if not _half_done(path, folder)}
    for root in sorted(datasets):
        yield from _dataset(root, folder)
    for sidecar in sorted(folder.rglob("episode-*.json")):
        if not _half_done(sidecar, folder) and not datasets.intersection(sidecar.parents):
            yield from _episode(sidecar, folder)


def _episode(sidecar: Path, edge: Path) -> Iterator[Whole]:
    try:
        raw = RawEpisode.read(sidecar)
    except (ContractError, MissingFileError):  # another tool's file, or one that has just gone
        return
    start = f"raw/{_safe(raw.robot)}/{raw.started_at:%Y-%m-%d}/{_below(sidecar.parent, edge)}"
    recording = sidecar.with_name(raw.file)
    if recording.is_file():
        yield Whole(recording, f"{start}/{recording.name}", last=False)
    yield Whole(sidecar, f"{start}/{sidecar.name}", last=True)


def _dataset(root: Path, edge: Path) -> Iterator[Whole]:
    provenance = DatasetProvenance.read(root / PROVENANCE)
    start = f"converted/{_safe(provenance.robot)}/{provenance.created_at:%Y-%m-%d}/{_below(root, edge)}"
    for path in sorted(root.rglob("*")):
        if path.is_file() and not is_aside(path.name):
            name = path.relative_to(root)
            yield Whole(path, f"{start}/{name.as_posix()}", last=name == PROVENANCE)


def _half_done(path: Path, folder: Path) -> bool:
    return any(is_aside(part) for part in path.relative_to(folder).parts)


def _below(folder: Path, edge: Path) -> str:
    """A folder's path below the edge; the edge's own name if it is the edge itself."""
    return "/".join(map(_safe, folder.relative_to(edge).parts)) or _safe(edge.resolve().name)


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._+-]", "-", name) or "unknown"
