"""Files by key, in a local folder or in Azure Blob Storage, behind one interface."""

from .errors import (
    AccessError,
    BadKeyError,
    BadUriError,
    DamagedError,
    MissingContainerError,
    MissingKeyError,
    StorageError,
    TakenKeyError,
    UnreachableError,
)
from .link import Link
from .open import open_store
from .remote import open_file
from .store import Store, Stored, Synced, Tell, silent

__all__ = [
    "AccessError",
    "BadKeyError",
    "BadUriError",
    "DamagedError",
    "Link",
    "MissingContainerError",
    "MissingKeyError",
    "StorageError",
    "Store",
    "Stored",
    "Synced",
    "TakenKeyError",
    "Tell",
    "UnreachableError",
    "open_file",
    "open_store",
    "silent",
]
