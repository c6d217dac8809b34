"""One claim that the code does not bear out."""

from pathlib import Path

from ..contracts import Contract


class Problem(Contract):
    """What a page says that is not so."""

    file: str
    line: int
    """From 1; 0 if it is about the whole file."""
    message: str
    """What is wrong, and how to mend it."""

    def text(self) -> str:
        """`file:line: message`."""
        return f"{self.file}:{self.line}: {self.message}" if self.line else f"{self.file}: {self.message}"


def problem(file: Path, line: int, message: str) -> Problem:
    """A problem at one place."""
    return Problem(file=file.as_posix(), line=line, message=message)
