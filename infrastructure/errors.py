"""The base of every error that is the user's to mend."""

from pathlib import Path
from typing import ClassVar


class PhysaiError(Exception):
    """Something failed or was refused. Its message is one line: what, where, and how to mend it.

    The command line prints it without a traceback and ends with `exit_code`.
    """

    exit_code: ClassVar[int] = 1


class MissingFileError(PhysaiError):
    """A file or folder that a command was given does not exist."""

    def __init__(self, path: Path | str, what: str, mend: str) -> None:
        super().__init__(f"{path}: no {what} here. {mend}")
