"""A store in a container of an Azure storage account."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import override

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.storage.blob import BlobClient, BlobProperties, ContainerClient

from ..contracts import Digest, digest_bytes
from .blob_upload import METADATA, upload
from .credentials import container_client
from .errors import AccessError, MissingContainerError, MissingKeyError, StorageError, TakenKeyError, UnreachableError
from .keys import check_key, check_prefix, join
from .link import Link
from .receive import receive
from .store import Store, Stored
from .uri import BlobLocation


class BlobStore(Store):
    """Block blobs below a path of a container; the digest of each is in its metadata, under `sha256`."""

    def __init__(
        self, location: BlobLocation, container: ContainerClient | None = None, link: Link | None = None
    ) -> None:
        self.uri = location.uri
        self._link = link or Link()
        self._container = container or container_client(location, self._link.retries)
        self._root = check_prefix(location.path)

    @override
    def put(self, path: Path, key: str) -> Digest:
        with self._plainly(key):
            return upload(path, self._blob(key), self._link)

    @override
    def create(self, key: str, content: bytes) -> Digest:
        digest = digest_bytes(content)
        metadata = {METADATA: digest.removeprefix("sha256:")}
        with self._plainly(key):
            blob = self._blob(key)
            try:
                blob.upload_blob(content, overwrite=False, metadata=metadata, validate_content=True)
            except ResourceExistsError as error:
                if _digest(blob.get_blob_properties()) != digest:  # else an answer got lost, and this is our own
                    raise TakenKeyError(self.uri, key) from error
        return digest

    @override
    def get(self, key: str, path: Path, digest: Digest | None = None) -> Digest:
        with self._plainly(key):
            blob = self._blob(key)
            properties = blob.get_blob_properties()
            return receive(
                path,
                f"{self.uri}/{key}",
                int(properties.size),
                digest or _digest(properties),
                lambda offset: _blocks(blob, properties, offset),
            )

    @override
    def list(self, prefix: str = "") -> tuple[Stored, ...]:
        folder = join(self._root, check_prefix(prefix)).strip("/")
        with self._plainly(prefix):
            start = f"{folder}/" if folder else None
            found = [
                Stored(key=self._key(blob.name), size_bytes=int(blob.size), digest=_digest(blob))
                for blob in self._container.list_blobs(name_starts_with=start, include=["metadata"])
                if not _is_folder(blob)
            ]
        return tuple(sorted(found, key=lambda stored: stored.key))

    @override
    def stat(self, key: str) -> Stored | None:
        try:
            with self._plainly(key):
                properties = self._blob(key).get_blob_properties()
        except MissingKeyError:
            return None
        return Stored(key=key, size_bytes=int(properties.size), digest=_digest(properties))

    @override
    def digest(self, key: str) -> Digest:
        with self._plainly(key):
            blob = self._blob(key)
            properties = blob.get_blob_properties()
            if known := _digest(properties):
                return known
            sha256 = hashlib.sha256()
            for block in _blocks(blob, properties, 0):
                sha256.update(block)
            return f"sha256:{sha256.hexdigest()}"

    @override
    def read(self, key: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        with self._plainly(key):
            blob = self._blob(key)
            yield from _blocks(blob, blob.get_blob_properties(), offset, length)

    @override
    def delete(self, key: str) -> None:
        try:
            with self._plainly(key):
                self._blob(key).delete_blob(delete_snapshots="include")
        except MissingKeyError:
            return

    def _blob(self, key: str) -> BlobClient:
        return self._container.get_blob_client(join(self._root, check_key(key)))

    def _key(self, name: str) -> str:
        return name.removeprefix(f"{self._root}/") if self._root else name

    @contextmanager
    def _plainly(self, key: str) -> Iterator[None]:
        """Say in one line what Azure says in ten."""
        try:
            yield
        except AzureError as error:
            raise self._plain(error, key) from error

    def _plain(self, error: AzureError, key: str) -> StorageError:
        code = str(getattr(error, "error_code", None) or getattr(error, "status_code", None) or type(error).__name__)
        first_line = str(error.message or error).partition("\n")[0].strip().rstrip(".")
        match error:
            case ResourceNotFoundError() if code == "ContainerNotFound":
                return MissingContainerError(self.uri, self._container.container_name)
            case ResourceNotFoundError():
                return MissingKeyError(self.uri, key)
            case HttpResponseError() if isinstance(error, ClientAuthenticationError) or error.status_code == 403:
                return AccessError(self.uri, f"no permission ({code})")
            case HttpResponseError():
                return UnreachableError(self.uri, f"Azure answered {code}: {first_line:.200}")
            case _:
                return UnreachableError(self.uri, f"no answer ({first_line:.200})")


def _digest(blob: BlobProperties) -> Digest | None:
    known = (blob.metadata or {}).get(METADATA)
    return f"sha256:{known}" if known else None


def _is_folder(blob: BlobProperties) -> bool:
    """Accounts with a hierarchical namespace list their folders as empty blobs."""
    return (blob.metadata or {}).get("hdi_isfolder") == "true"


def _blocks(blob: BlobClient, properties: BlobProperties, offset: int, length: int | None = None) -> Iterator[bytes]:
    """The bytes from `offset` of that very version of the blob."""
    if offset < int(properties.size) and length != 0:
        yield from blob.download_blob(
            offset=offset, length=length, etag=properties.etag, match_condition=MatchConditions.IfNotModified
        ).chunks()
