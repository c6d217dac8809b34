"""The whole episodes of a folder, as a table."""

from pathlib import Path

from pydantic import AwareDatetime
from rich.table import Column, Table

from physai.infrastructure.contracts import Contract, Finding, Outcome

from .folder import episodes


class CatalogEntry(Contract):
    """One episode."""

    file: str
    outcome: Outcome
    started_at: AwareDatetime
    duration_s: float
    messages: int
    dropped: int
    note: str
    findings: tuple[Finding, ...]


class Catalog(Contract):
    """The episodes of a folder, in order."""

    folder: str
    episodes: tuple[CatalogEntry, ...]


def catalog(folder: Path) -> Catalog:
    """Read the sidecars of a folder.

    Raises:
        NoFolderError: If there is no such folder.
        ContractError: If a sidecar is damaged.
    """
    return Catalog(
        folder=str(folder),
        episodes=tuple(
            CatalogEntry(
                file=episode.file,
                outcome=episode.outcome,
                started_at=episode.started_at,
                duration_s=episode.duration_s,
                messages=sum(episode.messages.values()),
                dropped=sum(topic.dropped for topic in episode.topics.values()),
                note=episode.note,
                findings=episode.findings,
            )
            for episode in episodes(folder)
        ),
    )


def catalog_view(found: Catalog) -> Table:
    """One row an episode, with its gravest fault."""
    table = Table(Column("file", no_wrap=True), "outcome", "started", "s", "messages", "dropped", "faults", "note")
    for episode in found.episodes:
        first = episode.findings[0] if episode.findings else None
        more = f" (+{len(episode.findings) - 1})" if len(episode.findings) > 1 else ""
        table.add_row(
            episode.file,
            episode.outcome,
            f"{episode.started_at:%Y-%m-%d %H:%M:%S}",
            f"{episode.duration_s:.1f}",
            str(episode.messages),
            str(episode.dropped),
            f"{first.what} {first.topic}{more}" if first else "",
            episode.note,
        )
    return table
