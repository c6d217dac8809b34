"""The loop, with what each lap did at every station."""

from collections.abc import Iterator
from typing import NamedTuple

from markupsafe import Markup

from physai.infrastructure.contracts import FlywheelSummary, LapSummary
from physai.infrastructure.page.svg import EN_DASH, drawing, percent, tag, text

WIDTH = 940
BOX, LINE, HEAD = 202, 24, 50
GAP = 44
LEFTS = (0, BOX + GAP, 2 * (BOX + GAP), 3 * (BOX + GAP))


class Station(NamedTuple):
    """A place on the loop."""

    name: str
    does: str
    left: float
    upper: bool


STATIONS = (
    Station("Record", "an expert shows it", LEFTS[0], True),
    Station("Curate", "check, merge, split", LEFTS[1], True),
    Station("Train", "imitate, package", LEFTS[2], True),
    Station("Evaluate", "same conditions for all", LEFTS[3], True),
    Station("Release", "gate, sign off, activate", LEFTS[3], False),
    Station("Operate", "robots at work", LEFTS[1] + (BOX + GAP) / 2, False),
    Station("Detect", "compare with evaluation", LEFTS[0], False),
)


def said(lap: LapSummary) -> dict[str, str]:
    """What a lap did at each station, in a few words."""
    judged = next((verdict.verdict for verdict in lap.verdicts if verdict.role == "candidate"), None)
    words = {
        "Record": f"{lap.episodes_recorded} episodes" if lap.episodes_recorded else None,
        "Curate": f"{lap.dataset_episodes} episodes" if lap.dataset_episodes else None,
        "Train": f"{lap.training_steps} steps, {lap.training_s:.0f} s"
        if lap.training_steps and lap.training_s is not None
        else None,
        "Evaluate": f"{percent(lap.policy.value)} succeed" if lap.policy else None,
        "Release": f"gate: {judged}" if judged else None,
        "Operate": f"{percent(lap.production.value)} of {lap.production.episodes}" if lap.production else None,
        "Detect": None if lap.drift is None else f"drift after {lap.detected_at}" if lap.detected_at else "no drift",
    }
    return {name: word or EN_DASH for name, word in words.items()}


def loop_picture(summary: FlywheelSummary) -> Markup:
    """The picture."""
    height = HEAD + LINE * len(summary.laps) + 14
    lower = height + 74
    tops = {station.name: 2.0 if station.upper else lower for station in STATIONS}
    words = {lap.lap: said(lap) for lap in summary.laps}
    boxes = [_box(station, tops[station.name], height, words) for station in STATIONS]
    called = len(summary.laps) > 1
    return drawing(
        WIDTH, lower + height + 4, "The loop and what each lap did", _heads(), *_arrows(height, lower, called), *boxes
    )


def _heads() -> Markup:
    heads = [
        tag(
            "marker",
            tag("path", d="M0 0 10 5 0 10z", class_=class_),
            id=name,
            viewBox="0 0 10 10",
            refX=9,
            refY=5,
            markerWidth=8,
            markerHeight=8,
            orient="auto",
        )
        for name, class_ in (("forward", "head"), ("back", "head back"))
    ]
    return tag("defs", *heads)


def _arrows(height: float, lower: float, called: bool) -> Iterator[Markup]:
    middle, low = 2 + height / 2, lower + height / 2
    for left in LEFTS[:3]:
        yield _arrow(left + BOX, middle, left + BOX + GAP - 3, middle)
    right = LEFTS[3] + BOX / 2
    yield _arrow(right, height + 2, right, lower - 3)
    operate = STATIONS[5].left
    yield _arrow(LEFTS[3], low, operate + BOX + 3, low)
    yield _arrow(operate, low, BOX + 3, low)
    yield tag("path", d=f"M{BOX / 2} {lower}V{height + 5}", class_="arrow back", marker_end="url(#back)")
    words = "retrain request: the next lap" if called else "a retrain request would start a lap"
    yield text(BOX / 2 + 14, (height + lower) / 2 + 6, words, "alarm-text")


def _arrow(x1: float, y1: float, x2: float, y2: float) -> Markup:
    return tag("path", d=f"M{x1:g} {y1:g}L{x2:g} {y2:g}", class_="arrow", marker_end="url(#forward)")


def _box(station: Station, top: float, height: float, words: dict[int, dict[str, str]]) -> Markup:
    parts = [
        tag("rect", x=station.left + 1, y=top, width=BOX - 2, height=height, rx=12, class_="station"),
        text(station.left + 16, top + 25, station.name, "strong"),
        text(station.left + 16, top + 42, station.does, "axis"),
    ]
    for index, (lap, word) in enumerate(words.items()):
        y = top + HEAD + LINE * (index + 0.5) + 2
        parts.append(tag("circle", cx=station.left + 25, cy=y, r=9, class_="lap-dot"))
        parts.append(text(station.left + 25, y + 4.5, str(lap), "lap-number", "middle"))
        parts.append(text(station.left + 42, y + 5, word[station.name], "label"))
    return tag("g", *parts)
