"""Reading `events.jsonl`, which a robot may have been writing when its power failed."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from physai.infrastructure.contracts import Contract, EpisodeEvent
from physai.infrastructure.errors import MissingFileError

MAX_LINE_BYTES = 64 * 1024  # CloudEvents 1.0, "Size Limits": an event of 64 KiB must be forwarded, larger need not
EVENTS = "events.jsonl"


class Refusal(Contract):
    """A line that is no event."""

    where: str
    """File and line, `telemetry/events.jsonl:17`."""
    why: str


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
    for number, line, whole in _lines(path):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        if len(line) > MAX_LINE_BYTES:
            refused.append(Refusal(where=where, why=f"longer than {MAX_LINE_BYTES} bytes"))
            continue
        try:
            events.append(EpisodeEvent.model_validate_json(line))
        except ValidationError as error:
            if whole:
                refused.append(Refusal(where=where, why=_first(error)))
            else:
                torn = True
    return Batch(file=str(path), events=tuple(events), refused=tuple(refused), torn=torn)


def _lines(path: Path) -> Iterator[tuple[int, bytes, bool]]:
    """(number from 1, content, whether it ended with a line feed); of an overlong line only the beginning."""
    number = 0
    with path.open("rb") as file:
        while line := file.readline(MAX_LINE_BYTES + 2):
            number += 1
            whole = line.endswith(b"\n")
            yield number, line.rstrip(b"\r\n"), whole
            while not whole and (rest := file.readline(MAX_LINE_BYTES)):
                whole = rest.endswith(b"\n")


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else str(first["msg"])
