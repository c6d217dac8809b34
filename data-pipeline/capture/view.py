"""A recorder on the screen."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from .status import FolderStatus, LiveStatus


def live_view(status: LiveStatus) -> RenderableType:
    """The open episode, the disk, and each topic."""
    table = Table("topic", "Hz", "messages", "dropped", "lost", "publishers", "")
    for topic, now in status.topics.items():
        quiet = now.rate_hz == 0 and not now.problem
        table.add_row(
            topic,
            f"{now.rate_hz:.1f}",
            str(now.messages),
            Text(str(now.dropped), style="red" if now.dropped else ""),
            Text("" if now.lost is None else str(now.lost), style="red" if now.lost else ""),
            "" if now.publishers is None else str(now.publishers),
            Text(now.problem or ("silent" if quiet else ""), style="red" if now.problem else "yellow"),
        )
    return Group(headline(status), table)


def headline(status: LiveStatus) -> Text:
    """One line: what is recorded now, how many there are, how much room is left."""
    now = "waiting for a trigger" if status.episode is None else f"episode {status.episode}, {status.episode_s:.0f} s"
    return Text(f"{now}; {status.recorded} recorded; {status.free_gb:.1f} GB free")


def folder_view(status: FolderStatus) -> RenderableType:
    """A folder, and its recorder if there is one."""
    counts = ", ".join(f"{number} {outcome}" for outcome, number in sorted(status.episodes.items())) or "none"
    torn = f"; {status.torn} torn: run `physai data-pipeline capture recover {status.folder}`" if status.torn else ""
    line = Text(f"{status.folder}: {status.state}; episodes: {counts}{torn}; {status.free_gb:.1f} GB free")
    return Group(line, live_view(status.live)) if status.live else line
