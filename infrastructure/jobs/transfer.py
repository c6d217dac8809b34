"""Data that comes from a URL and goes to one, through the stores."""

import re
import shutil
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from ..aside import is_aside
from ..contracts import Digest, digest_bytes
from ..storage import MissingKeyError, Store, Stored, open_store
from ..storage.concurrent import each

THREADS = 8  # files in flight; small files are bound by round trips


def download(url: str, regex: str, folder: Path, *, may_be_empty: bool) -> Digest:
    """Make `folder` hold exactly the files under `url` whose relative path `regex` matches.

    Args:
        url: A folder of a store, or one file.
        regex: Matched from the start; empty matches all.
        folder: Created; what is not under `url` any more is removed from it.
        may_be_empty: Whether nothing is fine, as for a checkpoint that this very run writes.

    Returns:
        Digest of the names and contents.

    Raises:
        StorageError: If there is nothing, or it cannot be read.
    """
    store, files = _find(url)
    wanted = [file for file in files if re.match(regex, file.key)]
    if not wanted and not may_be_empty:
        raise MissingKeyError(store.uri, regex or "*")
    folder.mkdir(parents=True, exist_ok=True)
    keys = {file.key for file in wanted}
    for path in [path for path in folder.rglob("*") if path.is_file() and not is_aside(path.name)]:
        if path.relative_to(folder).as_posix() not in keys:
            path.unlink()
    digests = each(lambda file: (file.key, store.get(file.key, folder / file.key, file.digest)), wanted, THREADS)
    return _tree_digest(dict(digests))


def upload(folder: Path, regex: str, url: str) -> Digest:
    """Upload the files of a folder whose relative path `regex` matches.

    Returns:
        Digest of the names and contents.

    Raises:
        StorageError: If the store does not take them.
    """
    store = open_store(url)
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not is_aside(path.name)]
    names = [(path.relative_to(folder).as_posix(), path) for path in files]
    wanted = [(name, path) for name, path in names if re.match(regex, name)]
    return _tree_digest(dict(each(lambda file: (file[0], store.put(file[1], file[0])), wanted, THREADS)))


def filtered(source: Path, regex: str, folder: Path) -> Path:
    """A folder with the files of `source` whose relative path `regex` matches, linked rather than copied."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path in sorted(source.rglob("*")):
        name = path.relative_to(source).as_posix()
        if path.is_file() and re.match(regex, name):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).symlink_to(path.absolute())
    return folder


def _find(url: str) -> tuple[Store, tuple[Stored, ...]]:
    """The store of a URL and the files there; a URL may also name one file."""
    store = open_store(url)
    if files := store.list():
        return store, files
    parts = urlsplit(url)
    path = PurePosixPath(parts.path)
    if len(path.parts) > 2:
        parent = open_store(parts._replace(path=str(path.parent)).geturl())
        if file := parent.stat(path.name):
            return parent, (file,)
    return store, ()


def _tree_digest(files: dict[str, Digest]) -> Digest:
    """As `contracts.digest_tree` has it."""
    return digest_bytes("".join(f"{digest}  {name}\n" for name, digest in sorted(files.items())).encode())
