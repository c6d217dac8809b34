"""Which store a URI means."""

from .folder import FolderStore
from .link import Link
from .store import Store
from .uri import FolderLocation, parse


def open_store(uri: str, link: Link | None = None) -> Store:
    """Open the store at a URI, or at a plain path.

    Args:
        uri: `file:///folder`, a path, `azure://account/container/path` as OSMO writes it, or
            `https://account.blob.core.windows.net/container/path`, with a SAS token after `?` if there is one.
        link: What the line to it can bear.

    Raises:
        BadUriError: If it is none of these.
    """
    location = parse(uri)
    if isinstance(location, FolderLocation):
        return FolderStore(location.path, link)
    from .blob import BlobStore  # the Azure SDK takes half a second to import

    return BlobStore(location, link=link)
