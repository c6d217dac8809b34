"""From the robots' files into the store."""

from collections.abc import Sequence
from pathlib import Path

from physai.infrastructure.contracts import Contract

from ..errors import NoEventsError
from .door import Refusal, pack, refuse
from .reading import find_event_files, read_events
from .store import EPISODES, TelemetryStore


class Ingested(Contract):
    """What an ingest did."""

    files: tuple[str, ...]
    added: int
    duplicates: int
    """Known already; ingesting a file twice changes nothing."""
    refused: tuple[Refusal, ...]
    torn: tuple[str, ...]
    """Files whose last line was cut off."""


def ingest(store: TelemetryStore, paths: Sequence[Path]) -> Ingested:
    """Read event files, or all in folders, and keep what is new.

    Raises:
        MissingFileError: If a path holds no event file.
        NoEventsError: If no line of any file is an event.
    """
    batches = [read_events(path) for path in find_event_files(paths)]
    refused = [refusal for batch in batches for refusal in batch.refused]
    if not any(batch.events for batch in batches):
        files = ", ".join(batch.file for batch in batches)
        why = f"no line is an event; {refused[0].where}: {refused[0].why}" if refused else "no events in it"
        raise NoEventsError(files, why)
    added = duplicates = 0
    for batch in batches:
        done = store.take([*pack(batch.events), refuse(EPISODES, *batch.refused)])
        added += done.added
        duplicates += done.duplicates
        refused += [
            Refusal(where=batch.file, reason="conflict", why=f"{name}: known with another content")
            for name in done.conflicts
        ]
    return Ingested(
        files=tuple(batch.file for batch in batches),
        added=added,
        duplicates=duplicates,
        refused=tuple(refused),
        torn=tuple(batch.file for batch in batches if batch.torn),
    )
