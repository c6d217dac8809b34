"""Published datasets: kept in the store under their content digest, fetched by it."""

import re
from pathlib import Path

from ..aside import OccupiedError, empty, is_free, whole_folder
from ..contracts import DatasetProvenance, Digest
from ..settings import settings
from ..storage import Store, Tell, open_store, silent
from .errors import ContentError, NotPublishedError
from .info import ANCESTORS, ANNOTATIONS, PROVENANCE
from .reader import Dataset, read_ancestors

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def publish(folder: Path, tell: Tell = silent) -> Digest:
    """Put a dataset into the store of the settings; of one that is there already only what was said of it is added to.

    The provenance goes last, so a dataset whose upload was cut off is not seen.

    Args:
        folder: The dataset.
        tell: Is told of each file.

    Returns:
        The content digest, under which it can be fetched.

    Raises:
        ProvenanceError: If the dataset has none.
        ContentError: If its files are not those the provenance speaks of.
        StorageError: If the store cannot be written.
    """
    digest = Dataset(folder).verify()
    store = _store()
    if store.exists(_key(digest, PROVENANCE)):
        if (folder / ANNOTATIONS).is_dir():
            store.sync_up(folder / ANNOTATIONS, _key(digest, ANNOTATIONS))
        return digest
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    for path in (*(file for file in files if file != PROVENANCE), PROVENANCE):
        store.put(folder / path, _key(digest, path))
        tell(path.as_posix(), True)
    return digest


def fetch(digest: Digest, target: Path, tell: Tell = silent) -> Path:
    """Get a published dataset, verified; what an interrupted fetch has left is used.

    Args:
        digest: Its content digest.
        target: Where it appears. If that very dataset is there already, nothing is done.
        tell: Is told of each file.

    Raises:
        NotPublishedError: If the store does not hold it.
        OccupiedError: If something else is at `target`.
        BusyError: If another process is fetching it there.
        ContentError: If what arrives is not what was asked for.
    """
    if not is_free(target):
        if (target / PROVENANCE).exists() and Dataset(target).content_digest() == digest:
            return target
        raise OccupiedError(target)
    store = _published(digest)
    with whole_folder(target, keep=True) as part:
        store.sync_down(_name(digest), part, tell)
        found = Dataset(part).content_digest()
        if found != digest:
            empty(part)
            raise ContentError(target, found, digest)
    return target


def fetch_provenance(digest: Digest, folder: Path) -> tuple[DatasetProvenance, dict[Digest, DatasetProvenance]]:
    """Get only the provenance of a published dataset, and that of its ancestors by content digest.

    Args:
        digest: Its content digest.
        folder: Where the files are put.

    Raises:
        NotPublishedError: If the store does not hold it.
    """
    store = _published(digest)
    store.get(_key(digest, PROVENANCE), folder / PROVENANCE)
    for stored in store.list(_key(digest, ANCESTORS)):
        store.get(stored.key, folder / Path(stored.key).relative_to(_name(digest)))
    return DatasetProvenance.read(folder / PROVENANCE), read_ancestors(folder)


def is_digest(text: str) -> bool:
    """Whether a word on the command line is a digest rather than a path."""
    return DIGEST.fullmatch(text) is not None


def _published(digest: Digest) -> Store:
    store = _store()
    if not store.exists(_key(digest, PROVENANCE)):
        raise NotPublishedError(digest, store.uri)
    return store


def _store() -> Store:
    uri = settings().storage
    assert uri is not None
    return open_store(uri)


def _name(digest: Digest) -> str:
    return digest.replace(":", "-")


def _key(digest: Digest, path: Path) -> str:
    return f"{_name(digest)}/{path.as_posix()}"
