"""The way of a sequential comparison to its decision."""

from markupsafe import Markup

from physai.infrastructure.contracts import EvaluationReport, SequentialComparison
from physai.infrastructure.page.svg import MINUS, Scale, drawing, line, path, tag, text, ticks

from ..metrics.sequential import steps

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 960, 300, 46, 940, 26, 250


def sequence_chart(report: EvaluationReport) -> Markup:
    """The log likelihood ratio after each condition, between the two boundaries."""
    test = report.sequential
    assert test is not None, "asked for only if there is one"
    walk = walk_of(report, test)
    low, high = min(test.plan.lower, *walk), max(test.plan.upper, *walk)
    x, y = Scale(0, len(walk), LEFT, RIGHT), Scale(low - 0.4, high + 0.4, BOTTOM, TOP)
    parts = []
    for value in ticks(y.low, y.high, 5):
        parts += [
            line(LEFT, y(value), RIGHT, y(value), "grid"),
            text(LEFT - 8, y(value) + 5, f"{value:g}".replace("-", MINUS), "axis", "end"),
        ]
    parts += [text(x(v), BOTTOM + 20, f"{v:g}", "axis", "middle") for v in ticks(0, len(walk), 8) if v == int(v)]
    for boundary, said in ((test.plan.upper, "better"), (test.plan.lower, "not better")):
        parts += [
            line(LEFT, y(boundary), RIGHT, y(boundary), "threshold"),
            text(LEFT + 6, y(boundary) - 6, said, "axis halo"),
        ]
    points = [(x(0), y(0.0)), *((x(number), y(value)) for number, value in enumerate(walk, start=1))]
    parts.append(path(points, "curve"))
    parts.append(tag("circle", cx=points[-1][0], cy=points[-1][1], r=6, class_="mark policy"))
    parts.append(text((LEFT + RIGHT) / 2, HEIGHT - 6, "conditions played", "axis", "middle"))
    return drawing(WIDTH, HEIGHT, f"Sequential comparison: {test.decision} after {test.episodes} conditions", *parts)


def walk_of(report: EvaluationReport, test: SequentialComparison) -> list[float]:
    """The statistic after each condition that counted."""
    candidate, reference = report.result(test.candidate), report.result(test.reference)
    assert candidate is not None, "the report was checked"
    assert reference is not None, "the report was checked"
    up, down = steps(test.plan.design)
    theirs = {episode.condition: episode.success for episode in reference.episodes}
    total, walk = 0.0, []
    for episode in sorted(candidate.episodes, key=lambda episode: episode.condition)[: test.episodes]:
        other = theirs[episode.condition]
        total += up * (episode.success and not other) - down * (other and not episode.success)
        walk.append(total)
    return walk
