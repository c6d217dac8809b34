"""Which store a URI means."""

from .folder import FolderStore
from .store import Store
from .uri import FolderLocation, parse


def open_store(uri: str) -> Store:
    """Open the store at a URI, or at a plain path.

    Args:
        uri: `file:///folder`, a path, `azure://account/container/path` as OSMO writes it, or
            `https://account.blob.core.windows.net/container/path`, with a SAS token after `?` if there is one.

    Raises:
        BadUriError: If it is none of these.
    """
    location = parse(uri)
    if isinstance(location, FolderLocation):
        return FolderStore(location.path)
    from .blob import BlobStore  # the Azure SDK takes half a second to import

    return BlobStore(location)
