"""The evidence of drift, episode by episode, and the moment it was enough."""

from collections.abc import Iterator, Sequence

from markupsafe import Markup

from physai.infrastructure.contracts import DriftReport
from physai.infrastructure.page.svg import MINUS, Scale, drawing, group, line, path, tag, text, ticks

WIDTH, HEIGHT = 620, 340
LEFT, RIGHT, TOP, BOTTOM = 46, 600, 26, 250
STRIP = 286
SHOWN = 4.0  # thresholds; far beyond, the curve only says "more"


def drift_chart(drift: DriftReport, outcomes: Sequence[bool] = ()) -> Markup:
    """The chart of one drift report.

    Args:
        drift: The report.
        outcomes: Success of the same episodes in order, for the strip below the curve; empty: no strip.
    """
    lowest = min(0.0, *drift.statistic)
    highest = max(drift.threshold * 1.6, min(max(drift.statistic), drift.threshold * SHOWN))
    x = Scale(0, len(drift.statistic), LEFT, RIGHT)
    y = Scale(max(lowest, -drift.threshold * 1.5), highest, BOTTOM, TOP)
    parts = [*_axes(x, y), *_threshold(drift, y), _curve(drift, x, y)]
    if drift.detected_at is not None:
        parts += _moment(drift.detected_at, drift.statistic[drift.detected_at - 1], x, y)
    if len(outcomes) == len(drift.statistic):
        parts.append(_strip(outcomes, x))
    parts.append(
        text((LEFT + RIGHT) / 2, HEIGHT - 4, "production episodes, in the order in which they began", "axis", "middle")
    )
    said = f"drift called after {drift.detected_at} episodes" if drift.detected_at else "no drift called"
    return drawing(WIDTH, HEIGHT, f"Evidence of drift over {len(drift.statistic)} episodes: {said}", *parts)


def _axes(x: Scale, y: Scale) -> Iterator[Markup]:
    for value in ticks(y.low, y.high, 5):
        yield line(LEFT, y(value), RIGHT, y(value), "grid")
        yield text(LEFT - 8, y(value) + 5, f"{value:g}".replace("-", MINUS), "axis", "end")
    for value in ticks(x.low, x.high, 6):
        if value == int(value):
            yield text(x(value), BOTTOM + 20, f"{value:g}", "axis", "middle")
    yield text(LEFT - 38, TOP - 10, "failures in excess", "axis")


def _threshold(drift: DriftReport, y: Scale) -> Iterator[Markup]:
    yield tag("rect", x=LEFT, y=TOP, width=RIGHT - LEFT, height=max(y(drift.threshold) - TOP, 0.0), class_="alarm-zone")
    yield line(LEFT, y(drift.threshold), RIGHT, y(drift.threshold), "threshold")
    label = f"threshold {drift.threshold:.1f}: {drift.false_alarm:.0%} false alarms in {drift.horizon} episodes"
    yield text(RIGHT - 4, y(drift.threshold) + 18, label, "axis halo", "end")


def _curve(drift: DriftReport, x: Scale, y: Scale) -> Markup:
    """The statistic, up to where it leaves the picture."""
    points = [(x(0), y(0))]
    for number, value in enumerate(drift.statistic, start=1):
        points.append((x(number), y(max(min(value, y.high), y.low))))
        if value > y.high:
            break
    return path(points, "curve")


def _moment(episode: int, value: float, x: Scale, y: Scale) -> Iterator[Markup]:
    height = y(min(value, y.high))
    right = x(episode) > (LEFT + RIGHT) / 2
    yield line(x(episode), TOP, x(episode), BOTTOM, "moment")
    yield tag("circle", cx=x(episode), cy=height, r=6, class_="mark alarm")
    yield text(
        x(episode) + (-10 if right else 10),
        BOTTOM - 10,
        f"called after {episode} episodes",
        "strong halo alarm-text",
        "end" if right else None,
    )


def _strip(outcomes: Sequence[bool], x: Scale) -> Markup:
    """One bar an episode: full height for a failure, a foot for a success."""
    width = max((RIGHT - LEFT) / len(outcomes) - 1.5, 1.0)
    bars = [
        tag(
            "rect",
            x=x(index) + 0.75,
            y=STRIP if not success else STRIP + 16,
            width=width,
            height=22 if not success else 6,
            class_="failure" if not success else "success",
        )
        for index, success in enumerate(outcomes)
    ]
    return group([tag("title", "tall: failed; low: succeeded"), *bars])
