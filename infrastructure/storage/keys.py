"""Names of files in a store: relative, with forward slashes, the same everywhere. No store lists what lies aside."""

from ..aside import SUFFIX, is_aside
from .errors import BadKeyError


def check_key(key: str) -> str:
    """Return the key if it can be one.

    Raises:
        BadKeyError: If it is empty, absolute, climbs out of the store, or names a file that is still being written.
    """
    parts = key.split("/")
    if not key or "" in parts:
        raise BadKeyError(key, "empty, or with an empty part")
    if "." in parts or ".." in parts:
        raise BadKeyError(key, "holds '.' or '..'")
    if "\\" in key or any(ord(character) < 32 or ord(character) == 127 for character in key):
        raise BadKeyError(key, "holds a backslash or a control character")
    if is_aside(parts[-1]):
        raise BadKeyError(key, f"names like .*{SUFFIX} are kept for files that are still being written")
    return key


def check_prefix(prefix: str) -> str:
    """Return the folder `prefix` without slashes at its ends; empty means the whole store."""
    folder = prefix.strip("/")
    return check_key(folder) if folder else ""


def join(prefix: str, key: str) -> str:
    """The key of a file in a folder of the store."""
    return f"{prefix}/{key}" if prefix else key
