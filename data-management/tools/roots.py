"""The argument that names a dataset: one on this machine, or one that may be in Blob Storage."""

from pathlib import Path
from typing import Annotated

from typer import Argument

from physai.infrastructure.storage.uri import FolderLocation, parse

from ..errors import ElsewhereError


def here(text: str) -> Path:
    """The folder that an argument names.

    Raises:
        ElsewhereError: If it names one in Blob Storage.
        BadUriError: If it names nothing that is known.
    """
    location = parse(text)
    if isinstance(location, FolderLocation):
        return location.path
    raise ElsewhereError(location.uri)


Root = Annotated[Path, Argument(help="Folder of a LeRobot v3.0 dataset.", parser=here)]
AnyRoot = Annotated[str, Argument(help="Folder of a LeRobot v3.0 dataset, or azure://account/container/path of one.")]
