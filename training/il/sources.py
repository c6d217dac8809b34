"""Where the data of a training comes from: folders or stores, pinned by their content digest."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from physai.infrastructure.contracts import Digest, digest_bytes
from physai.infrastructure.datasets import Dataset
from physai.infrastructure.settings import settings
from physai.infrastructure.storage import open_store

from ..errors import RevisionError


def locate(names: Iterable[str]) -> list[Path]:
    """Folders of datasets, fetched if need be.

    Args:
        names: Each `PLACE` or `PLACE#sha256:…`; a place is a folder or the URI of a store. What was fetched before is
            kept in the home folder, and only what is new is fetched again.

    Raises:
        DatasetError: If there is no dataset.
        StorageError: If a store does not answer.
        RevisionError: If its content is another.
    """
    return [_locate(name) for name in names]


def _locate(name: str) -> Path:
    place, _, revision = name.partition("#")
    folder = Path(place)
    if "://" in place:
        folder = settings().home / "fetched" / digest_bytes(name.encode()).removeprefix("sha256:")[:12]
        open_store(place).sync_down("", folder, mirror=True)
    if revision and (found := Dataset(folder).content_digest()) != revision:
        raise RevisionError(place.partition("?")[0], found, revision)  # a query may hold a secret
    return folder


def digest_of(datasets: Sequence[Dataset]) -> Digest:
    """Content digest of a dataset, as its provenance says if it has one; of several: of the list of theirs, sorted."""
    digests = [dataset.verify() if dataset.provenance else dataset.content_digest() for dataset in datasets]
    return digests[0] if len(digests) == 1 else digest_bytes("\n".join(sorted(digests)).encode())
