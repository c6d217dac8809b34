"""List, copy and sync files in local folders and Azure Blob Storage."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.filesize import decimal
from rich.table import Table

from ..console import Json, show, stdout, told
from ..contracts import Contract, Digest
from ..errors import MissingFileError
from .errors import BadUriError
from .open import open_store
from .store import Store, Stored, Synced

app = typer.Typer(help=__doc__, no_args_is_help=True)

Where = Annotated[str, typer.Argument(help="A path, file://, azure://account/container/path or https:// URI.")]


class Listing(Contract):
    """The files below a URI."""

    store: str
    files: tuple[Stored, ...]


class Copied(Contract):
    """Where a file went."""

    digest: Digest
    target: str


def is_local(uri: str) -> bool:
    """Whether a URI is a plain path."""
    return "://" not in uri


def split(uri: str) -> tuple[Store, str]:
    """The store and the key of one file.

    Raises:
        BadUriError: If the URI ends before a file name.
    """
    address, _, sas = uri.partition("?") if not is_local(uri) else (uri, "", "")
    parent, _, name = address.rpartition("/")
    if not name:
        raise BadUriError(address, "names no file")
    return open_store(f"{parent or '.'}{'?' + sas if sas else ''}"), name


@app.command()
def ls(uri: Where, as_json: Json = False) -> None:
    """List the files below a URI.

    Example: physai storage ls azure://robots/datasets/reach
    """
    if is_local(uri) and not Path(uri).is_dir():
        raise MissingFileError(uri, "folder", "Check the path.")
    store = open_store(uri)
    listing = Listing(store=store.uri, files=store.list())
    table = Table("file", "size", "digest")
    for stored in listing.files:
        table.add_row(stored.key, decimal(stored.size_bytes), stored.digest or "")
    show(listing, as_json, table)


@app.command()
def cp(source: Where, target: Where, as_json: Json = False) -> None:
    """Copy one file; it appears whole and verified.

    Example: physai storage cp report.json azure://robots/evaluation/report.json
    """
    store, key = split(target)
    if is_local(source):
        digest = store.put(Path(source), key)
    elif is_local(target):
        from_store, from_key = split(source)
        digest = from_store.get(from_key, Path(target))
    else:
        from_store, from_key = split(source)
        with tempfile.TemporaryDirectory() as folder:
            digest = from_store.get(from_key, Path(folder) / "file")
            store.put(Path(folder) / "file", key)
    show(Copied(digest=digest, target=target.partition("?")[0]), as_json, digest)


@app.command()
def sync(source: Where, target: Where, as_json: Json = False) -> None:
    """Copy what is new or different between a local folder and a store; nothing is removed.

    Example: physai storage sync out/dataset azure://robots/datasets/reach
    """
    done = _sync(source, target)
    show(done, as_json, f"{len(done.transferred)} copied ({decimal(done.size_bytes)}), {done.unchanged} equal already")


def _sync(source: str, target: str) -> Synced:
    with told("comparing") as tell:
        if is_local(source):
            return open_store(target).sync_up(Path(source), tell=tell)
        if is_local(target):
            return open_store(source).sync_down("", Path(target), tell=tell)
    raise BadUriError(target, "one side of a sync is a local folder; sync twice, through one")


@app.command()
def digest(uri: Where) -> None:
    """Print the digest of one file.

    Example: physai storage digest azure://robots/evaluation/report.json
    """
    store, key = split(uri)
    stdout.print(store.digest(key), soft_wrap=True)
