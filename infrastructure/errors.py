"""The base of every error that is the user's to mend."""

from collections.abc import Iterable
from difflib import get_close_matches
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


def suggest(word: str, known: Iterable[str]) -> str:
    """`Did you mean 'act'? Known: act, diffusion.`, the guess only where a name is near."""
    names = sorted(known)
    near = get_close_matches(word, names, n=1)
    return (f"Did you mean '{near[0]}'? " if near else "") + f"Known: {', '.join(names) or 'none'}."


def one_line(error: BaseException, most: int | None = None) -> str:
    """What a library's error says, or else its kind, in one line of at most so many characters."""
    return " ".join((str(error) or type(error).__name__).split())[:most]
