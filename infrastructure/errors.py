"""The base of every error that is the user's to mend."""

from pathlib import Path


class PhysaiError(Exception):
    """Something failed or was refused. Its message is one line: what, where, and how to mend it.

    The command line prints it without a traceback and exits with 1.
    """


class MissingFileError(PhysaiError):
    """A file or folder that a command was given does not exist."""

    def __init__(self, path: Path | str, what: str, mend: str) -> None:
        super().__init__(f"{path}: no {what} here. {mend}")
