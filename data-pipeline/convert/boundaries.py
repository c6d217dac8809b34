"""Where episodes begin and end in a recording: all of it, by a list, or by a topic."""

import json
from pathlib import Path

from pydantic import FiniteFloat, TypeAdapter, ValidationError

from physai.infrastructure.errors import MissingFileError, PhysaiError

from .episode import Span
from .errors import MarkersError
from .rules import Options
from .scan import Scan

BEGIN, END = {"true", "start", "begin"}, {"false", "stop", "end", "success", "failure"}
_LIST = TypeAdapter(tuple[tuple[FiniteFloat, FiniteFloat], ...])


class IntervalsError(PhysaiError):
    """A list of episodes cannot be understood."""

    def __init__(self, path: Path, detail: str) -> None:
        super().__init__(f"{path}: {detail}. Write it as [[start_s, end_s], …], in seconds from the first message.")


def read_intervals(path: Path) -> tuple[tuple[float, float], ...]:
    """Read a JSON list of beginnings and ends.

    Raises:
        MissingFileError: If there is no such file.
        IntervalsError: If it is something else, or they are not in order.
    """
    try:
        intervals = _LIST.validate_python(json.loads(path.read_bytes()))
    except FileNotFoundError as error:
        raise MissingFileError(path, "list of episodes", "Check the path.") from error
    except (ValueError, ValidationError) as error:
        raise IntervalsError(path, "no list of pairs of numbers") from error
    flat = [moment for interval in intervals for moment in interval]
    if not flat or flat != sorted(flat):
        raise IntervalsError(path, "episodes overlap, or are not in order")
    return intervals


def spans_of(scan: Scan, options: Options) -> list[Span | None]:
    """Episodes of a recording, in order; `[None]`: the recording is one.

    Raises:
        MarkersError: If the topic of markers does not begin and end episodes in turn.
    """
    if options.markers:
        return [*_marked(scan, options.markers)]
    if options.intervals:
        start = min(int(stamps[0]) for stamps in scan.stamps_ns.values())
        return [Span(start + round(a * 1e9), start + round(b * 1e9)) for a, b in options.intervals]
    return [None]


def _marked(scan: Scan, topic: str) -> list[Span]:
    spans: list[Span] = []
    start: int | None = None
    for moment, content in scan.marks:
        word = str(content).lower()
        if word not in BEGIN | END:
            raise MarkersError(scan.bag.path, topic, f"says '{content}'")
        if (word in BEGIN) == (start is not None):
            raise MarkersError(
                scan.bag.path, topic, f"says '{content}' twice in a row" if start else "ends before it begins"
            )
        if start is None:
            start = moment
        else:
            spans.append(Span(start, moment, "failure" if word == "failure" else "success"))
            start = None
    if start is not None or not spans:
        raise MarkersError(scan.bag.path, topic, "does not end the last episode" if spans or start else "says nothing")
    return spans
