"""Datasets that appear in a store when they are whole, and go when the edit that made them is undone.

The provenance is written first: it is the claim to the name, so two writers cannot mix their files. `meta/info.json`,
by which datasets are found, is the last. An upload that was killed is finished by the same edit under the same name, or
removed by undo.
"""

import json
from pathlib import Path

from physai.infrastructure.contracts import Contract, DatasetEdit, DatasetProvenance
from physai.infrastructure.datasets.info import INFO, PROVENANCE
from physai.infrastructure.storage import MissingKeyError, Store, TakenKeyError, open_store
from physai.infrastructure.storage.concurrent import each
from physai.infrastructure.storage.store import THREADS
from physai.infrastructure.storage.uri import FolderLocation, parse

from ..annotations import Annotations
from ..described import described
from ..errors import NothingToUndoError, OriginalGoneError, TakenNameError, UnfinishedError
from .versions import UndoPoint

ORIGINALS = "datasets"
"""Argument of an edit that says what it was made of, as URIs with `, ` between them."""

CONTAINER = "azure://"


class Removed(Contract):
    """A dataset that is gone from its container."""

    dataset: str
    originals: tuple[str, ...]
    """URIs of what it was made of; empty for what an unfinished upload had left."""


def located(uri: str) -> tuple[Store, str]:
    """The store of the whole container that a dataset is in, and the dataset's path in it.

    Raises:
        BadUriError: If it is no URI of a store.
    """
    location = parse(uri)
    if isinstance(location, FolderLocation):
        return open_store(uri), ""
    sas = f"?{location.sas}" if location.sas else ""
    return open_store(f"{location.endpoint}/{location.container}{sas}"), location.path


def put(store: Store, name: str, folder: Path) -> None:
    """Let a dataset that was written here appear in a store; one that is there already with the same content is fine.

    Args:
        store: Where to.
        name: Its folder in the store.
        folder: The dataset.

    Raises:
        TakenNameError: If something else is there.
        UnfinishedError: If the upload of another dataset under this name was not finished.
    """
    claim, info = _key(name, PROVENANCE), _key(name, INFO)
    if not store.exists(claim) and store.list(name):
        raise TakenNameError(name)
    content = (folder / PROVENANCE).read_bytes()
    try:
        store.create(claim, content)
    except TakenKeyError as error:
        mine, theirs = DatasetProvenance.model_validate_json(content), _provenance(store, name)
        whole = store.exists(info)
        if theirs.content != mine.content:
            raise (TakenNameError(name) if whole else UnfinishedError(f"{store.uri}/{name}", theirs)) from error
        if whole:
            return
    files = [path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()]
    rest = [file for file in files if file not in (PROVENANCE, INFO)]
    each(lambda file: store.put(folder / file, _key(name, file)), rest, THREADS)
    if not store.exists(claim):
        raise MissingKeyError(store.uri, claim)  # somebody has undone it meanwhile
    store.put(folder / INFO, info)


def undo_points(store: Store, name: str) -> list[UndoPoint]:
    """What undo would do; empty if no edit made the dataset, or its original is gone."""
    try:
        edit, originals = _made(store, name)
        episodes = [json.loads(b"".join(where.read(_key(key, INFO))))["total_episodes"] for where, key in originals]
    except (NothingToUndoError, OriginalGoneError, MissingKeyError):
        return []
    folder = edit.arguments[ORIGINALS]
    return [UndoPoint(folder=folder, undoes=edit.operation, author=edit.author, episodes=sum(episodes))]


def undo(store: Store, name: str) -> Removed:
    """Remove a dataset that an edit made beside its original; what was said of it since goes to the original.

    Also removes what an upload that was killed has left. It can be killed itself, and done again.

    Raises:
        NothingToUndoError: If no edit in a container made it.
        OriginalGoneError: If what it was made of is not there, or is another dataset now.
    """
    uri = f"{store.uri}/{name}".rstrip("/")
    names: tuple[str, ...] = ()
    if store.exists(_key(name, INFO)):
        edit, originals = _made(store, name)
        names = (*edit.arguments[ORIGINALS].split(", "),)
        made = Annotations(*described(store, name))
        for where, key in originals:
            Annotations(*described(where, key)).adopt(made)
        store.delete(_key(name, INFO))  # not seen from here on
    elif not store.exists(_key(name, PROVENANCE)):
        raise NothingToUndoError(uri)
    claim = _key(name, PROVENANCE)
    each(store.delete, [stored.key for stored in store.list(name) if stored.key != claim], THREADS)
    store.delete(claim)
    return Removed(dataset=uri, originals=names)


def _made(store: Store, name: str) -> tuple[DatasetEdit, list[tuple[Store, str]]]:
    """The edit that made a dataset, and where each of its originals is."""
    uri = f"{store.uri}/{name}".rstrip("/")
    try:
        provenance = _provenance(store, name)
    except MissingKeyError as error:  # a dataset that was made elsewhere
        raise NothingToUndoError(uri) from error
    edit = provenance.edit
    if edit is None or not edit.arguments.get(ORIGINALS, "").startswith(
        CONTAINER
    ):  # one in a folder: brought here since
        raise NothingToUndoError(uri)
    originals = []
    for original in edit.arguments[ORIGINALS].split(", "):
        inside = original.startswith(f"{store.uri}/")
        where, key = (store, original.removeprefix(f"{store.uri}/")) if inside else located(original)
        if not where.exists(_key(key, INFO)):
            raise OriginalGoneError(uri, original)
        if where.exists(_key(key, PROVENANCE)) and _provenance(where, key).content not in provenance.parents:
            raise OriginalGoneError(uri, original)
        originals.append((where, key))
    return edit, originals


def _provenance(store: Store, name: str) -> DatasetProvenance:
    return DatasetProvenance.model_validate_json(b"".join(store.read(_key(name, PROVENANCE))))


def _key(name: str, file: Path) -> str:
    return f"{name}/{file.as_posix()}".lstrip("/")
