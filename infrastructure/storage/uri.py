"""What a storage URI means."""

import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from .errors import BadUriError

BLOB_HOST = re.compile(r"^(?P<account>[a-z0-9]{3,24})\.blob\.(?P<suffix>[a-z0-9.-]+)$")
ACCOUNT = re.compile(r"^[a-z0-9]{3,24}$")
CONTAINER = re.compile(r"^(\$root|\$web|[a-z0-9](-?[a-z0-9])+)$")
PUBLIC_CLOUD = "core.windows.net"


class FolderLocation(NamedTuple):
    """A local folder."""

    path: Path


class BlobLocation(NamedTuple):
    """A path in a container of a storage account."""

    account: str
    container: str
    path: str
    """Without slashes at its ends; may be empty."""
    endpoint: str
    """Of the account, e.g. `https://robots.blob.core.windows.net`."""
    sas: str = ""
    """Shared access signature, a secret; empty if the URI brought none."""

    @property
    def uri(self) -> str:
        """The location as OSMO writes it, without secrets."""
        return f"azure://{'/'.join(part for part in (self.account, self.container, self.path) if part)}"


type Location = FolderLocation | BlobLocation


def parse(uri: str) -> Location:
    """Read a storage URI.

    Raises:
        BadUriError: If the scheme is unknown, or account or container cannot be names of one.
    """
    if "://" not in uri:
        if not uri:
            raise BadUriError("''", "an empty URI")
        return FolderLocation(Path(uri).expanduser())
    parts = urlsplit(uri)
    shown = f"{parts.scheme}://{parts.netloc}{parts.path}"  # a query may hold a secret
    match parts.scheme:
        case "file":
            return _folder(shown, parts.netloc, parts.path)
        case "azure":
            container, _, path = parts.path.strip("/").partition("/")
            endpoint = f"https://{parts.netloc}.blob.{PUBLIC_CLOUD}"
            return _blob(shown, BlobLocation(parts.netloc, container, unquote(path), endpoint, parts.query))
        case "https":
            host = BLOB_HOST.match(parts.netloc)
            if host is None:
                raise BadUriError(shown, f"'{parts.netloc}' is not the blob endpoint of a storage account")
            container, _, path = parts.path.strip("/").partition("/")
            endpoint = f"https://{parts.netloc}"
            return _blob(shown, BlobLocation(host["account"], container, unquote(path), endpoint, parts.query))
        case scheme:
            raise BadUriError(shown, f"unknown scheme '{scheme}'")


def _folder(shown: str, host: str, path: str) -> FolderLocation:
    if host not in ("", "localhost"):
        raise BadUriError(shown, f"'{host}' would be a host: file URIs of this machine have three slashes")
    if not path:
        raise BadUriError(shown, "no path")
    return FolderLocation(Path(unquote(path)))


def _blob(shown: str, location: BlobLocation) -> BlobLocation:
    if not ACCOUNT.match(location.account):
        raise BadUriError(shown, f"'{location.account}' is no account name (3 to 24 lower-case letters and digits)")
    if not CONTAINER.match(location.container) or not 3 <= len(location.container) <= 63:
        raise BadUriError(
            shown, f"'{location.container}' is no container name (3 to 63 lower-case letters, digits and single dashes)"
        )
    return location
