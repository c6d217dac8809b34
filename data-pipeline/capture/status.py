"""How a recorder is doing, for its screen and for who asks from outside."""

import os
import shutil
import time
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime

from physai.infrastructure.contracts import Contract

from .errors import NoFolderError
from .folder import episodes, is_locked
from .sample import Sample
from .source import Channel, Health

STATUS = ".status.json"


class TopicStatus(Contract):
    """A topic in the last second."""

    rate_hz: float
    messages: int
    """Since the recorder was started."""
    dropped: int
    """Since then: messages for which the buffer had no room."""
    lost: int | None = None
    """Since then: messages that were said and have not arrived, some of which may be on their way; None if the source
    cannot tell."""
    publishers: int | None = None
    """How many speak on it; None if the source cannot tell."""
    problem: str = ""


class LiveStatus(Contract):
    """A recorder at work."""

    updated_at: AwareDatetime
    episode: int | None
    """The open one; None while it waits for a trigger."""
    episode_s: float
    recorded: int
    """Whole episodes in the folder."""
    free_gb: float
    topics: dict[str, TopicStatus]


class FolderStatus(Contract):
    """A folder of recordings."""

    folder: str
    state: Literal["recording", "waiting", "idle"]
    """`waiting`: a recorder is there, and no trigger has fired; `idle`: there is none."""
    episodes: dict[str, int]
    """Outcome → number of whole episodes."""
    torn: int
    """Files that a killed recorder left; `capture recover` saves them."""
    free_gb: float
    live: LiveStatus | None = None
    """What the recorder says, if there is one."""


class Meter:
    """Counts what arrives, episode or not."""

    def __init__(self, channels: dict[str, Channel]) -> None:
        self._messages: Counter[str] = Counter(dict.fromkeys(channels, 0))
        self._dropped: Counter[str] = Counter()
        self._before: Counter[str] = Counter()
        self._since = time.monotonic()

    def see(self, samples: list[Sample], dropped: Counter[str]) -> None:
        """Count."""
        self._messages.update(sample.topic for sample in samples)
        self._dropped.update(dropped)

    def status(
        self, folder: Path, health: Health, *, episode: int | None, episode_s: float, recorded: int
    ) -> LiveStatus:
        """How it goes since the last call."""
        now = time.monotonic()
        took_s, self._since = max(now - self._since, 1e-3), now
        before, self._before = self._before, self._messages.copy()
        return LiveStatus(
            updated_at=datetime.now(UTC),
            episode=episode,
            episode_s=episode_s,
            recorded=recorded,
            free_gb=shutil.disk_usage(folder).free / 1e9,
            topics={
                topic: TopicStatus(
                    rate_hz=(count - before[topic]) / took_s,
                    messages=count,
                    dropped=self._dropped[topic],
                    lost=None if health.lost is None else health.lost.get(topic, 0),
                    publishers=health.publishers.get(topic),
                    problem=health.unheard.get(topic, ""),
                )
                for topic, count in self._messages.items()
            },
        )


def write_status(folder: Path, status: LiveStatus) -> None:
    """Leave it for `read_status`. A full disk is told by who writes episodes, so it is nothing here."""
    part = folder / f"{STATUS}.part"
    with suppress(OSError):
        part.write_text(status.model_dump_json())
        os.replace(part, folder / STATUS)  # noqa: PTH105 - no need to be on the disk, only to be whole


def read_status(folder: Path) -> FolderStatus:
    """How a folder and its recorder are.

    Raises:
        NoFolderError: If there is no such folder.
    """
    if not folder.is_dir():
        raise NoFolderError(folder)
    live = None
    if is_locked(folder) and (folder / STATUS).exists():
        live = LiveStatus.model_validate_json((folder / STATUS).read_bytes())
    state: Literal["recording", "waiting", "idle"] = "idle" if live is None else "waiting"
    return FolderStatus(
        folder=str(folder),
        state="recording" if live and live.episode is not None else state,
        episodes=dict(Counter(episode.outcome for episode in episodes(folder))),
        torn=0 if live else len(list(folder.glob(".episode-*.mcap.*"))),
        free_gb=shutil.disk_usage(folder).free / 1e9,
        live=live,
    )
