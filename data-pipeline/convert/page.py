"""The report of a conversion as a page to read or to send."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup

from physai.infrastructure.page import environment
from physai.infrastructure.page.svg import tag

from .report import ConvertReport, EpisodeTiming

TEMPLATES = Path(__file__).parent / "templates"
WIDTH, HEIGHT = 320, 40


class TopicSummary(NamedTuple):
    """How the messages of a topic lie beside the rows of all episodes."""

    name: str
    mean_ms: float
    worst_ms: float
    repeated: int
    episode: int
    """Where the worst is."""


def page(report: ConvertReport) -> str:
    """The report as one HTML page that needs nothing else."""
    made = environment(TEMPLATES)
    made.filters["plot"] = plot
    episodes = sorted(((timing, _worst_ms(timing)) for timing in report.timing), key=lambda found: -found[1])
    return made.get_template("conversion.html").render(report=report, topics=topics_of(report), episodes=episodes)


def topics_of(report: ConvertReport) -> list[TopicSummary]:
    """Every topic over all episodes, in the order of the first one that has it."""
    names = dict.fromkeys(topic.topic for timing in report.timing for topic in timing.topics)
    return [_summary(name, report.timing) for name in names]


def _summary(name: str, timings: Sequence[EpisodeTiming]) -> TopicSummary:
    found = [(timing, topic) for timing in timings for topic in timing.topics if topic.topic == name]
    worst, where = max(found, key=lambda pair: pair[1].worst_skew_s)[::-1]
    rows = sum(timing.rows for timing, _ in found)
    return TopicSummary(
        name=name,
        mean_ms=sum(topic.mean_skew_s * timing.rows for timing, topic in found) / rows * 1e3,
        worst_ms=worst.worst_skew_s * 1e3,
        repeated=sum(topic.repeated for _, topic in found),
        episode=where.episode,
    )


def _worst_ms(timing: EpisodeTiming) -> float:
    return max((topic.worst_skew_s for topic in timing.topics), default=0.0) * 1e3


def plot(values: Sequence[float], top: float) -> Markup:
    """Values along an episode as a line, from 0 at the bottom to `top`."""
    step = WIDTH / max(len(values) - 1, 1)
    points = " ".join(
        f"{number * step:.1f},{HEIGHT - 2 - value / top * (HEIGHT - 4):.1f}" for number, value in enumerate(values)
    )
    return tag("svg", tag("polyline", points=points), viewBox=f"0 0 {WIDTH} {HEIGHT}", aria_hidden="true")
