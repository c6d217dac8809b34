"""What was uploaded becomes known: an entry in the catalog of its store and, if asked, a data asset of AzureML."""

import tempfile
from pathlib import Path, PurePosixPath
from typing import Any

from physai.infrastructure.contracts import DatasetProvenance
from physai.infrastructure.errors import one_line
from physai.infrastructure.storage import Store
from physai.infrastructure.storage.uri import BlobLocation, parse

from .catalog import CatalogEntry
from .errors import AssetError, NoBlobError
from .layout import PROVENANCE
from .queue import Queue

CATALOG = "catalog"


def register(queue: Queue, store: Store, client: Any | None = None) -> None:
    """Register every dataset of which all files were read back; one that is registered already stays as it is.

    Args:
        queue: Of the edge folder; it remembers what was registered.
        store: Where the files are.
        client: `MLClient` of the workspace that gets data assets; None: the catalog only.

    Raises:
        NoBlobError: If AzureML is asked for and the store is no container of Azure.
        AssetError: If AzureML does not take it.
    """
    entries = queue.entries()
    known = {(found.uri, found.version): found for found in queue.datasets()}
    for last in entries:
        root, path = _root(last.key), queue.folder / last.path
        if root is None or not path.exists():
            continue
        if any(e.state not in ("verified", "removed") for e in entries if e.key.startswith(f"{root}/")):
            continue
        entry = _entry(f"{store.uri}/{root}", root, DatasetProvenance.read(path))
        before = known.get((entry.uri, entry.version))
        if before is None or (client is not None and not before.asset):
            asset = make_asset(client, entry) if client is not None else ""
            entry = entry.model_copy(update={"asset": asset})
            _publish(store, entry)
            queue.registered(entry)


def make_asset(client: Any, entry: CatalogEntry) -> str:
    """Create an AzureML data asset of type `uri_folder`; its id.

    Raises:
        NoBlobError: If the dataset is not in a container of Azure.
        AssetError: If the workspace does not take it.
    """
    place = parse(entry.uri)
    if not isinstance(place, BlobLocation):
        raise NoBlobError(entry.uri)
    from azure.ai.ml.constants import AssetTypes
    from azure.ai.ml.entities import Data
    from azure.ai.ml.exceptions import MlException
    from azure.core.exceptions import AzureError

    data = Data(
        name=entry.name,
        version=entry.version,
        type=AssetTypes.URI_FOLDER,
        path=f"{place.endpoint}/{place.container}/{place.path}/",
        description=entry.task,
        tags={"content": entry.content, "robot": entry.robot, "episodes": str(entry.episodes)},
    )
    try:
        return str(client.data.create_or_update(data).id)
    except (AzureError, MlException) as error:
        raise AssetError(entry.name, one_line(error, 300)) from error


def _root(key: str) -> str | None:
    """Folder of a dataset in the store, if this is its provenance."""
    path = PurePosixPath(key)
    is_provenance = path.parts[0] == "converted" and path.parts[-2:] == PROVENANCE.parts
    return path.parents[1].as_posix() if is_provenance else None


def _entry(uri: str, root: str, provenance: DatasetProvenance) -> CatalogEntry:
    _, robot, _, *below = PurePosixPath(root).parts
    return CatalogEntry(
        name="-".join((robot, *below)).replace("+", "-"),
        version=provenance.content.removeprefix("sha256:")[:12],
        uri=uri,
        content=provenance.content,
        robot=provenance.robot,
        task=provenance.task,
        episodes=len(provenance.episodes),
        created_at=provenance.created_at,
    )


def _publish(store: Store, entry: CatalogEntry) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "entry.json"
        file.write_text(entry.model_dump_json(indent=2))
        store.put(file, f"{CATALOG}/{entry.name}/{entry.version}.json")
