"""Edits that a person asks for: what each would change, and carrying it out with the domain's own tools."""

import re
from collections.abc import Mapping
from contextlib import ExitStack, nullcontext
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import Field

from physai.infrastructure.contracts import Contract, Digest
from physai.infrastructure.datasets import Dataset

from ..tools import edit
from ..tools.distant import ORIGINALS
from ..tools.edit import Rows
from ..tools.lineage import descent, origins
from ..tools.rewrite import EditReport, check_mergeable
from ..tools.split import share
from ..tools.trim import idle_cuts, row_cuts
from .browse import BODY
from .episodes import Index
from .errors import NoNameError, RequestError
from .facts import FactBook
from .places import BlobPlace

Operation = Literal["delete", "keep", "trim", "split", "merge"]
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$"
PART = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9_-]*)=(?P<fraction>\d*\.?\d+)")
FIRST = 12  # changes that a preview tells one by one


class EditBody(Contract):
    """An edit of one dataset."""

    model_config = BODY

    operation: Operation
    episodes: str = Field(default="", max_length=20_000)
    """As `0,3,5:8`, the end of a range excluded; empty: all."""
    where: str = Field(default="", max_length=1000)
    """A condition, e.g. `outcome == 'failure'`; empty: none."""
    rows: str = Field(default="", max_length=40)
    """Trim: rows that stay, `FROM:TO`; empty: from the first to the last movement."""
    margin_s: float = Field(default=0.2, ge=0, le=60)
    """Trim to movement: what stays around it."""
    parts: str = Field(default="", max_length=400)
    """Split: `train=0.9, test=0.1`."""
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    others: tuple[Annotated[str, Field(pattern=r"^[a-z0-9-]{1,60}$")], ...] = Field(default=(), max_length=50)
    """Merge: ids of the datasets to add."""
    name: str = Field(default="", pattern=NAME + "|^$")
    """Of a new dataset beside this one; split and merge need it, others replace the dataset without it."""
    reason: str = Field(default="", max_length=500)
    """Goes into the provenance."""


class Apply(EditBody):
    """An edit that was looked at."""

    version: str = Field(max_length=64)
    """Of the dataset, as the preview told it."""


class Part(Contract):
    """A dataset as it would be."""

    name: str
    episodes: int
    rows: int


class Preview(Contract):
    """What an edit would change; nothing has been."""

    version: str
    before: Part
    after: tuple[Part, ...]
    chosen: int
    """Episodes the edit is about."""
    changes: tuple[str, ...]
    """The first few, for people."""
    replaces: bool
    """Whether the dataset is replaced, and can be brought back by undo."""


def preview(index: Index, book: FactBook, body: EditBody, others: Mapping[str, Index]) -> Preview:
    """Say what an edit would do.

    Raises:
        RequestError: If something is missing.
        ManagementError: If it cannot be done.
    """
    if not index.entry.place.replaces and not (body.name and index.entry.path):
        raise (
            NoNameError(index.entry.uri)
            if index.entry.path
            else RequestError("a new dataset would lie within this one. Start the viewer on the path above it.")
        )
    chosen = book.select(index, body.episodes, body.where)
    lengths, name = index.lengths, body.name or index.entry.name
    if body.operation in ("split", "merge"):
        after, changes = _apart(index, body) if body.operation == "split" else _together(index, body, others)
    elif body.operation == "trim":
        with index.entry.whole() if not body.rows.strip() else nullcontext(index.root) as root:
            cuts = cuts_of(index, chosen, body, root)
        kept = {episode: last - first for episode, (first, last) in cuts.items()}
        total = sum(kept.get(episode, rows) for episode, rows in enumerate(lengths))
        after = (Part(name=name, episodes=index.count, rows=total),)
        changes = [f"episode {e}: rows {first}:{last} of {lengths[e]} stay" for e, (first, last) in cuts.items()]
    else:
        gone = set(chosen) if body.operation == "delete" else set(range(index.count)).difference(chosen)
        left = [rows for episode, rows in enumerate(lengths) if episode not in gone]
        if not left:
            raise RequestError("no episode would be left. Choose others.")
        after = (Part(name=name, episodes=len(left), rows=sum(left)),)
        changes = [f"episode {episode}, {lengths[episode]} rows, is left out" for episode in sorted(gone)]
    more = [f"and {len(changes) - FIRST} more"] if len(changes) > FIRST else []
    return Preview(
        version=index.version,
        before=Part(name=index.entry.name, episodes=index.count, rows=sum(lengths)),
        after=tuple(after),
        chosen=len(chosen),
        changes=tuple(changes[:FIRST] + more),
        replaces=not body.name and body.operation in ("delete", "keep", "trim"),
    )


def carry_out(index: Index, book: FactBook, body: EditBody, others: Mapping[str, Index], by: str) -> list[EditReport]:
    """Do it, on this machine; a new dataset then appears beside the one it was made of.

    Raises:
        ManagementError: If it cannot be done; then nothing has changed.
    """
    place = index.entry.place
    with ExitStack() as brought:
        root = brought.enter_context(index.entry.whole())
        roots = {other: brought.enter_context(each.entry.whole()) for other, each in others.items()}
        names = {ORIGINALS: ", ".join(each.entry.uri for each in (index, *others.values()))}
        if not isinstance(place, BlobPlace):
            told = names if body.operation == "merge" else {}
            return _carry_out(index, root, book, body, roots, told, by, beside(index, body.name))
        output = root.with_name("edited")
        reports = _carry_out(index, root, book, body, roots, names, by, output)
        name = PurePosixPath(index.entry.path).parent / body.name
        made = {name / part.name: part for part in sorted(output.iterdir())} if body.operation == "split" else {}
        for key, folder in (made or {name: output}).items():
            place.put(folder, key.as_posix())
    return reports


def _carry_out(
    index: Index,
    root: Path,
    book: FactBook,
    body: EditBody,
    others: Mapping[str, Path],
    names: Mapping[str, str],
    by: str,
    output: Path | None,
) -> list[EditReport]:
    given = {key: text for key, text in (("where", body.where), ("episodes", body.episodes)) if text} | {**names}
    if body.operation == "merge":
        assert output is not None
        return [edit.merge([root, *(others[other] for other in body.others)], output, arguments=names, author=by)]
    if body.operation == "split":
        assert output is not None
        return edit.split(root, _parts(body), output, seed=body.seed, arguments=names, author=by)
    chosen = book.select(index, body.episodes, body.where)
    if body.operation == "trim":
        return [edit.trim(root, cuts_of(index, chosen, body, root), output=output, arguments=given, author=by)]
    act = edit.delete if body.operation == "delete" else edit.keep
    return [act(root, chosen, output=output, arguments=given, reason=body.reason, author=by)]


def beside(index: Index, name: str) -> Path | None:
    """Where a new dataset appears: beside this one, so within its place."""
    if not name:
        return None
    parent = index.root.parent if index.entry.path else index.root
    return parent / name


def cuts_of(index: Index, chosen: list[int], body: EditBody, root: Path) -> dict[int, Rows]:
    """Rows of each episode that stay; `root` is where all of the dataset lies."""
    if body.rows.strip():
        return row_cuts(index.lengths, chosen, body.rows.strip())
    return idle_cuts(root, chosen, body.margin_s)


def _parts(body: EditBody) -> list[str]:
    parts = [part.strip() for part in body.parts.split(",") if part.strip()]
    if not body.name or not parts or not all(PART.fullmatch(part) for part in parts):
        raise RequestError("a split needs a name for the new folder, and parts such as train=0.9, test=0.1.")
    return parts


def _apart(index: Index, body: EditBody) -> tuple[tuple[Part, ...], list[str]]:
    fractions = {name: float(fraction) for name, fraction in (part.split("=") for part in _parts(body))}
    shared = share(_origins(index), fractions, body.seed)
    parts = tuple(
        Part(name=f"{body.name}/{name}", episodes=len(those), rows=sum(index.lengths[each] for each in those))
        for name, those in shared.items()
    )
    return parts, [f"{body.name}/{name}: episodes {', '.join(map(str, those))}" for name, those in shared.items()]


def _origins(index: Index) -> list[Digest]:
    """The recording that each episode goes back to; of a dataset without provenance, itself."""
    if index.provenance is None:
        with index.entry.whole() as root:
            return origins(Dataset(root))
    known = {**index.ancestors, index.provenance.content: index.provenance}
    return [descent(source, index.provenance, known).raw for source in index.provenance.episodes]


def _together(index: Index, body: EditBody, others: Mapping[str, Index]) -> tuple[tuple[Part, ...], list[str]]:
    if not body.name or not body.others:
        raise RequestError("a merge needs other datasets and a name for the new one.")
    for other in others.values():
        check_mergeable(other.described, index.described)
    all_of = [index, *(others[other] for other in body.others)]
    rows = [sum(each.lengths) for each in all_of]
    whole = Part(name=body.name, episodes=sum(each.count for each in all_of), rows=sum(rows))
    return (whole,), [f"{each.entry.name}: {each.count} episodes" for each in all_of]
