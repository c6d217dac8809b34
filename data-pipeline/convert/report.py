"""What a conversion did and found, as a model and as a page."""

import html
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
    write_whole(folder / "report.json", report.model_dump_json(indent=2).encode())
    return write_whole(folder / "report.html", page(report).encode())


def page(report: ConvertReport) -> str:
    """The report as one HTML page that needs nothing else."""
    facts = {
        "dataset": report.dataset,
        "content": report.content or "none: nothing was left behind",
        "episodes": f"{report.episodes}, {len(report.dropped)} left out",
        "rows": f"{report.rows} at {report.rate_hz} Hz",
        **{
            camera: f"{frames} frames for {report.rows} rows, each at its time"
            for camera, frames in report.frames.items()
        },
    }
    rows = "".join(f"<tr><th>{html.escape(k)}</th><td>{html.escape(v)}</td></tr>" for k, v in facts.items())
    reasons = "".join(f"<li>{html.escape(reason)}</li>" for reason in report.reasons)
    episodes = "".join(_episode(timing) for timing in report.timing)
    return _PAGE.format(verdict=report.verdict, rows=rows, reasons=reasons, episodes=episodes)


def _episode(timing: EpisodeTiming) -> str:
    lines = "".join(
        f"<tr><td>{html.escape(topic.topic)}</td><td>{topic.mean_skew_s * 1e3:.2f}</td>"
        f"<td>{topic.worst_skew_s * 1e3:.2f}</td><td>{topic.repeated}</td><td>{_plot(topic.skew_ms)}</td></tr>"
        for topic in timing.topics
    )
    head = "<tr><th>topic</th><th>mean, ms</th><th>worst, ms</th><th>repeated</th><th>along the episode</th></tr>"
    name = html.escape(timing.source)
    return f"<h2>episode {timing.episode}: {timing.rows} rows of {name}</h2><table>{head}{lines}</table>"


def _plot(values: tuple[float, ...], width: int = 320, height: int = 36) -> str:
    top = max(max(values), 1.0)
    step = width / max(len(values) - 1, 1)
    points = " ".join(f"{i * step:.1f},{height - v / top * (height - 4):.1f}" for i, v in enumerate(values))
    return (
        f'<svg width="{width + 60}" height="{height}"><polyline points="{points}" fill="none" stroke="#06c"/>'
        f'<text x="{width + 4}" y="10" font-size="10">{top:.1f} ms</text></svg>'
    )


def _worst(values: NDArray[np.float64]) -> list[float]:
    parts = np.array_split(values, min(POINTS, len(values)))
    return [round(float(part.max()), 3) for part in parts]


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>conversion: {verdict}</title>
<style>
body {{ font: 14px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }}
h1 span {{ padding: 0 .4em; border-radius: 4px; color: #fff; }}
.PASS {{ background: #188038; }} .WARN {{ background: #b06000; }} .FAIL {{ background: #c5221f; }}
table {{ border-collapse: collapse; }} th, td {{ text-align: left; padding: 2px 12px 2px 0; vertical-align: middle; }}
td {{ overflow-wrap: anywhere; }}
h2 {{ font-size: 15px; margin-top: 1.5rem; }}
</style></head>
<body><h1>Conversion <span class="{verdict}">{verdict}</span></h1>
<ul>{reasons}</ul><table>{rows}</table>{episodes}</body></html>
"""
