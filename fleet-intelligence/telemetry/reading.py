"""Reading `events.jsonl`, which a robot may have been writing when its power failed."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from physai.infrastructure.contracts import Contract, EpisodeEvent
from physai.infrastructure.errors import MissingFileError

from .door import MAX_EVENT_BYTES, Door, Refusal

EVENTS = "events.jsonl"


class Batch(Contract):
    """What one file holds."""

    file: str
    events: tuple[EpisodeEvent, ...]
    refused: tuple[Refusal, ...]
    torn: bool
    """The last line was cut off, as by a power cut; it counts as neither."""


def find_event_files(paths: Sequence[Path]) -> list[Path]:
    """The event files that `paths` name, or that lie in the folders they name, in order, once each.

    Raises:
        MissingFileError: If a path is not there, or a folder holds no event file.
    """
    found: list[Path] = []
    for path in paths:
        files = sorted(path.rglob(EVENTS)) if path.is_dir() else [path] if path.is_file() else []
        if not files:
            raise MissingFileError(path, EVENTS, "Check the path; `physai fleet-deployment robot run` writes one.")
        found += files
    return list(dict.fromkeys(found))


def read_events(path: Path) -> Batch:
    """Read one event file; a bad line is refused by name and does not stop the rest."""
    events: list[EpisodeEvent] = []
    refused: list[Refusal] = []
    torn = False
    door = Door()
    for number, line, whole in _lines(path):
        if not line.strip():
            continue
        judged = door.judge(EpisodeEvent, line, f"{path}:{number}")
        if not isinstance(judged, Refusal):
            events.append(judged)
        elif whole or judged.reason != "malformed":
            refused.append(judged)
        else:
            torn = True
    return Batch(file=str(path), events=tuple(events), refused=tuple(refused), torn=torn)


def _lines(path: Path) -> Iterator[tuple[int, bytes, bool]]:
    """(number from 1, content, whether it ended with a line feed); of an overlong line only the beginning."""
    number = 0
    with path.open("rb") as file:
        while line := file.readline(MAX_EVENT_BYTES + 2):
            number += 1
            whole = line.endswith(b"\n")
            yield number, line.rstrip(b"\r\n"), whole
            while not whole and (rest := file.readline(MAX_EVENT_BYTES)):
                whole = rest.endswith(b"\n")
