"""Which registry a setting means."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from .layout import OciLayout
from .store import Registry


def open_registry(uri: str) -> Registry:
    """Open the registry that `settings().registry` names.

    Args:
        uri: `host/repository` or `oci://host/repository` (as in image names, a host holds a dot or a port, or is
            `localhost`), or a folder, as a path or as `file://`.
    """
    if uri.startswith("file://"):
        return OciLayout(Path(unquote(urlsplit(uri).path)))
    host, _, repository = uri.removeprefix("oci://").partition("/")
    if uri.startswith("oci://") or (repository and _is_host(host)):
        from .remote import OciRegistry  # httpx, which a folder does not need

        return OciRegistry(host, repository)
    return OciLayout(Path(uri))


def _is_host(name: str) -> bool:
    return not name.startswith((".", "~")) and ("." in name or ":" in name or name == "localhost")
