"""What a conversion did and found."""

from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from physai.infrastructure.aside import write_whole
from physai.infrastructure.contracts import Contract, Digest, DroppedEpisode

from .episode import Episode

POINTS = 200  # of a plot

Verdict = Literal["PASS", "WARN", "FAIL"]


class TopicTiming(Contract):
    """How the messages of a topic lie beside the rows of one episode."""

    topic: str
    worst_skew_s: float
    mean_skew_s: float
    repeated: int = Field(ge=0)
    """Rows that show the same message as the row before them."""
    skew_ms: tuple[float, ...]
    """Along the episode, the worst of each stretch of rows."""


class EpisodeTiming(Contract):
    """Timing of one episode."""

    episode: int
    source: str
    rows: int
    topics: tuple[TopicTiming, ...]


class ConvertReport(Contract):
    """What a conversion did."""

    verdict: Verdict
    reasons: tuple[str, ...]
    """Why it is not PASS."""
    dataset: str
    content: Digest | None
    """The dataset's identity; None if there is none."""
    episodes: int
    rows: int
    rate_hz: int
    frames: dict[str, int]
    """Camera → frames in its video, each at its row's time; as many as rows."""
    worst_skew_s: dict[str, float]
    """Topic → how far the farthest message was from its row, over all episodes."""
    dropped: tuple[DroppedEpisode, ...]
    timing: tuple[EpisodeTiming, ...] = ()

    @classmethod
    def failed(cls, output: Path, reason: str) -> Self:
        """Of a conversion that left nothing."""
        return cls(
            verdict="FAIL",
            reasons=(reason,),
            dataset=str(output),
            content=None,
            episodes=0,
            rows=0,
            rate_hz=0,
            frames={},
            worst_skew_s={},
            dropped=(),
        )


def timing_of(number: int, source: Path, episode: Episode) -> EpisodeTiming:
    """Timing of an episode, thinned out for a plot."""
    topics = tuple(
        TopicTiming(
            topic=topic,
            worst_skew_s=float(found.skew_s.max()),
            mean_skew_s=float(found.skew_s.mean()),
            repeated=int((np.diff(found.before) == 0).sum()),
            skew_ms=tuple(_worst(found.skew_s * 1e3)),
        )
        for topic, found in episode.picks.items()
    )
    return EpisodeTiming(episode=number, source=source.name, rows=episode.rows, topics=topics)


def write_report(report: ConvertReport, folder: Path) -> Path:
    """Write `report.json` and `report.html` into a folder; the path of the latter."""
    from .page import page

    write_whole(folder / "report.json", report.model_dump_json(indent=2).encode())
    return write_whole(folder / "report.html", page(report).encode())


def _worst(values: NDArray[np.float64]) -> list[float]:
    parts = np.array_split(values, min(POINTS, len(values)))
    return [round(float(part.max()), 3) for part in parts]
