"""Uploading a file as a block blob: blocks first, then one commit that makes them visible."""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobBlock, BlobClient

from ..contracts import Digest
from .concurrent import each
from .errors import ChangedError
from .link import Link
from .store import source_size

MAX_BLOCKS = 50_000  # Azure's limit of one blob
METADATA = "sha256"
SMALL_BYTES = 256 * 2**10  # up to here sending the bytes costs no more than asking whether they are there


class Block(NamedTuple):
    """A piece of a file."""

    offset: int
    size: int
    sha256: str

    @property
    def id(self) -> str:
        """Says what is in the block, so that one staged by an earlier attempt is known again."""
        return f"{self.offset:016d}-{self.sha256[:40]}"


def upload(path: Path, blob: BlobClient, link: Link | None = None) -> Digest:
    """Upload a file, unless it is there already, and go on where an earlier attempt was killed.

    Every block travels with its MD5, which Azure checks. Azure drops blocks that were never committed after a week.

    Args:
        path: The file.
        blob: Where to.
        link: What the line can bear; blocks are larger than it says for files of more than 50,000 of them.

    Raises:
        MissingFileError: If there is no such file.
        ChangedError: If the file is written to meanwhile.
    """
    link = link or Link()
    size = source_size(path)
    blocks, digest = plan(path, max(link.block_bytes, -(-size // MAX_BLOCKS)))
    metadata = {METADATA: digest.removeprefix("sha256:")}
    if size <= SMALL_BYTES and _create(path, blob, metadata, link):
        return digest
    if _is_there(blob, size, metadata):
        return digest
    if len(blocks) <= 1:
        _put(path, blob, metadata, link, overwrite=True)
        return digest
    staged = _staged(blob)

    def stage(block: Block) -> None:
        if staged.get(block.id) != block.size:
            link.pace(block.size)
            blob.stage_block(block.id, _read(path, block), length=block.size, validate_content=True)

    each(stage, blocks, link.threads)
    blob.commit_block_list([BlobBlock(block.id) for block in blocks], metadata=metadata, validate_content=True)
    return digest


def _create(path: Path, blob: BlobClient, metadata: dict[str, str], link: Link) -> bool:
    """Upload a small file if nothing is there, without asking first: one request instead of two."""
    try:
        _put(path, blob, metadata, link, overwrite=False)
    except ResourceExistsError:
        return False
    return True


def _put(path: Path, blob: BlobClient, metadata: dict[str, str], link: Link, *, overwrite: bool) -> None:
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != metadata[METADATA]:
        raise ChangedError(path)
    link.pace(len(content))
    blob.upload_blob(content, overwrite=overwrite, metadata=metadata, validate_content=True)


def plan(path: Path, block_bytes: int) -> tuple[list[Block], Digest]:
    """Cut a file into blocks, and tell the digest of the whole."""
    whole = hashlib.sha256()
    blocks: list[Block] = []
    offset = 0
    with path.open("rb") as file:
        while content := file.read(block_bytes):
            whole.update(content)
            blocks.append(Block(offset, len(content), hashlib.sha256(content).hexdigest()))
            offset += len(content)
    return blocks, f"sha256:{whole.hexdigest()}"


def _read(path: Path, block: Block) -> bytes:
    with path.open("rb") as file:
        content = os.pread(file.fileno(), block.size, block.offset)
    if hashlib.sha256(content).hexdigest() != block.sha256:
        raise ChangedError(path)
    return content


def _is_there(blob: BlobClient, size: int, metadata: dict[str, str]) -> bool:
    try:
        properties = blob.get_blob_properties()
    except ResourceNotFoundError:
        return False
    return bool(properties.size == size and (properties.metadata or {}).get(METADATA) == metadata[METADATA])


def _staged(blob: BlobClient) -> dict[str, int]:
    """Block id → size of what an earlier attempt left."""
    try:
        _, uncommitted = blob.get_block_list("uncommitted")
    except ResourceNotFoundError:
        return {}
    return {block.id: block.size for block in uncommitted}
