"""How often each policy succeeded, with intervals, lap after lap."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from markupsafe import Markup

from physai.infrastructure.contracts import FlywheelSummary, LapSummary, Rate
from physai.infrastructure.page.svg import EN_DASH, Scale, drawing, group, line, percent, points, tag, text

WIDTH = 960
LEFT, RIGHT = 190, 660
ROW, HEAD, TOP = 36, 44, 34
X = Scale(0, 1, LEFT, RIGHT)


class Row(NamedTuple):
    """One rate."""

    name: str
    role: str
    rate: Rate


def rows(lap: LapSummary) -> list[Row]:
    """The rates of a lap that are known, those in the simulator's evaluation first."""
    champion = f"policy of lap {lap.lap - 1}"
    named = [
        ("expert", "expert", lap.expert),
        (f"policy of lap {lap.lap}", "policy", lap.policy),
        (champion, "champion", lap.champion),
        ("untrained policy", "untrained", lap.untrained),
        ("in production", "production", lap.production),
    ]
    return [Row(name, role, rate) for name, role, rate in named if rate is not None]


def success_chart(summary: FlywheelSummary) -> Markup:
    """The chart of all laps."""
    parts: list[Markup] = []
    top = TOP
    for lap in summary.laps:
        parts += _lap(lap, rows(lap), top)
        top += HEAD + ROW * len(rows(lap)) + 10
    grid = [line(X(share), TOP - 6, X(share), top - 6, "grid") for share in (0, 0.25, 0.5, 0.75, 1)]
    labels = [text(X(share), TOP - 14, percent(share), "axis", "middle") for share in (0, 0.25, 0.5, 0.75, 1)]
    return drawing(WIDTH, top, "Success rates with 95 % intervals", group(grid), group(labels), *parts)


def _lap(lap: LapSummary, shown: Sequence[Row], top: float) -> Iterator[Markup]:
    where = f" · evaluated in the world “{lap.world}”" if lap.world else ""
    yield tag(
        "text",
        tag("tspan", f"Lap {lap.lap}", class_="strong"),
        tag("tspan", where, class_="quiet"),
        x=0,
        y=top + 24,
        class_="halo",
    )
    places = {row.role: top + HEAD + ROW * (index + 0.5) for index, row in enumerate(shown)}
    if lap.drop is not None and lap.policy and lap.production:
        yield from _drop(lap.policy.value, lap.production.value, lap.drop, places["policy"], places["production"])
    for row in shown:
        yield _row(row, places[row.role])


def _drop(before: float, after: float, drop: float, start: float, end: float) -> Iterator[Markup]:
    """The way from the evaluation's rate down to production's."""
    yield line(X(before), start, X(before), end, "guide")
    yield line(X(before), end, X(after), end, "guide")
    if abs(X(before) - X(after)) > 90:
        yield text((X(before) + X(after)) / 2, end - 7, f"{points(-drop)} points", "value production", "middle")


def _row(row: Row, y: float) -> Markup:
    rate = row.rate
    return group(
        [
            tag("title", f"{row.name}: {rate.successes} of {rate.episodes}"),
            text(LEFT - 24, y + 5, row.name, "label", "end"),
            line(X(rate.lower), y, X(rate.upper), y, f"interval {row.role}"),
            line(X(rate.lower), y - 5, X(rate.lower), y + 5, f"interval {row.role}"),
            line(X(rate.upper), y - 5, X(rate.upper), y + 5, f"interval {row.role}"),
            mark(row.role, X(rate.value), y),
            tag(
                "text",
                tag("tspan", percent(rate.value), class_=f"strong value {row.role}"),
                tag(
                    "tspan",
                    f"  {rate.lower * 100:.0f}{EN_DASH}{rate.upper * 100:.0f} %, {rate.episodes} episodes",
                    class_="quiet",
                ),
                x=RIGHT + 24,
                y=y + 5,
            ),
        ]
    )


def mark(role: str, x: float, y: float) -> Markup:
    """A point in the role's own shape, so that colour is not needed to tell them apart."""
    shapes = {
        "expert": f"M{x} {y - 8}l8 8-8 8-8-8z",
        "champion": f"M{x} {y - 8}l8 14h-16z",
        "untrained": f"M{x - 6} {y - 6}h12v12h-12z",
        "production": f"M{x - 7} {y - 7}l14 14m0-14l-14 14",
    }
    if role in shapes:
        return tag("path", d=shapes[role], class_=f"mark {role}")
    return tag("circle", cx=x, cy=y, r=7, class_=f"mark {role}")
