"""From laps to HTML."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from physai.infrastructure.contracts import FlywheelSummary, LapSummary
from physai.infrastructure.page import data_uri, environment

from ..drift.check import in_order_of_start
from .drift_chart import drift_chart
from .gantt import gantt
from .lap import Lap
from .lineage import Lineage, trace
from .loop_picture import loop_picture
from .story import headline, key_figures
from .success_chart import success_chart
from .training_chart import training_chart

TEMPLATES = Path(__file__).with_name("templates")
MAX_FILM_BYTES = 12 << 20


@dataclass(frozen=True)
class Film:
    """A video inside the page."""

    name: str
    source: str
    """A data URI."""


@dataclass(frozen=True)
class View:
    """What the page shows of one lap beyond its summary."""

    lap: Lap
    summary: LapSummary
    drift: Markup | None
    training: Markup | None
    gantt: Markup | None
    films: tuple[Film, ...]
    lineage: Lineage | None


def render(laps: Sequence[Lap], summary: FlywheelSummary) -> str:
    """The page; it needs nothing but itself."""
    views = [_view(lap, lap_summary, laps) for lap, lap_summary in zip(laps, summary.laps, strict=True)]
    return (
        environment(TEMPLATES)
        .get_template("index.html")
        .render(
            summary=summary,
            views=views,
            headline=headline(summary),
            figures=key_figures(summary),
            loop=loop_picture(summary),
            success=success_chart(summary),
        )
    )


def _view(lap: Lap, summary: LapSummary, laps: Sequence[Lap]) -> View:
    outcomes = [event.data.success for event in in_order_of_start(lap.events)]
    return View(
        lap=lap,
        summary=summary,
        drift=drift_chart(lap.drift, outcomes) if lap.drift else None,
        training=training_chart(lap.training) if lap.training else None,
        gantt=gantt(lap.tasks),
        films=tuple(_film(name, path) for name, path in lap.films if path.stat().st_size <= MAX_FILM_BYTES),
        lineage=trace(lap, laps),
    )


def _film(name: str, path: Path) -> Film:
    return Film(name, data_uri(path, "video/mp4"))
