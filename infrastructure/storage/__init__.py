"""Files by key, in a local folder or in Azure Blob Storage, behind one interface."""

from .errors import (
    AccessError,
    BadKeyError,
    BadUriError,
    DamagedError,
    MissingContainerError,
    MissingKeyError,
    StorageError,
    UnreachableError,
)
from .link import Link
from .open import open_store
from .store import Store, Stored, Synced

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
    "UnreachableError",
    "open_store",
]
