"""Reading the log of a task, which may be growing."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

TAIL_BYTES = 4096
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


def last_line(path: Path) -> str:
    """The last line with anything on it, without colours; empty if there is none."""
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    lines = [ESCAPES.sub("", line).strip() for line in re.split(r"[\r\n]+", text)]
    return next((line for line in reversed(lines) if line), "")


def follow(path: Path, ended: Callable[[], bool], pause_s: float = 0.2) -> Iterator[str]:
    """The text of a log as it comes, until `ended` says that no more will come.

    Args:
        path: Need not exist yet.
        ended: Asked when there is nothing new.
        pause_s: Between looks.
    """
    position = 0
    while True:
        over = ended()  # asked before reading, so that the last words are not missed
        if path.exists():
            with path.open("rb") as file:
                if file.seek(0, 2) < position:
                    position = 0  # it grew too large, and only its end was kept
                file.seek(position)
                text = file.read()
            position += len(text)
            if text:
                yield text.decode(errors="replace")
        if over:
            return
        time.sleep(pause_s)
