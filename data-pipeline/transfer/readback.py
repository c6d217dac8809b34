"""The digest of what a store really holds: its bytes are read, nothing that was written down is believed."""

import hashlib

from physai.infrastructure.contracts import Digest
from physai.infrastructure.storage import Store, UnreachableError

ATTEMPTS = 20  # in a row that bring nothing


def read_back(store: Store, key: str) -> Digest:
    """Digest of a file's bytes in a store; a cut line goes on where it was cut.

    Raises:
        MissingKeyError: If there is no such file.
        UnreachableError: If the line stays dead.
    """
    sha256 = hashlib.sha256()
    offset, fruitless = 0, 0
    while True:
        try:
            for piece in store.read(key, offset):
                sha256.update(piece)
                offset += len(piece)
                fruitless = 0
        except UnreachableError:
            fruitless += 1
            if fruitless >= ATTEMPTS:
                raise
        else:
            return f"sha256:{sha256.hexdigest()}"
