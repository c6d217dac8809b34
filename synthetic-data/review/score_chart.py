"""All scores of all clips, each against its threshold."""

from collections.abc import Sequence

from markupsafe import Markup

from physai.infrastructure.page.svg import Scale, drawing, group, line, tag, text

from .quality import ScoreSpread

WIDTH, LEFT, RIGHT, TOP, ROW = 960, 170, 800, 10, 44
SPREAD_PX = 7  # by which dots of a row stand above and below it


def score_chart(scores: Sequence[ScoreSpread]) -> Markup:
    """One row a score; each has a scale of its own."""
    rows = [_row(score, TOP + ROW * (index + 0.5)) for index, score in enumerate(scores)]
    return drawing(WIDTH, TOP + ROW * len(scores), "Scores of all clips against their thresholds", *rows)


def _row(score: ScoreSpread, y: float) -> Markup:
    values = [*score.accepted, *score.rejected, score.threshold.limit]
    low, high = min(values), max(values)
    margin = (high - low) * 0.06 or 1.0
    scale = Scale(low - margin, high + margin, LEFT, RIGHT)
    limit = scale(score.threshold.limit)
    rejects = (LEFT, limit) if score.threshold.side == "at least" else (limit, RIGHT)
    return group(
        [
            tag("rect", x=rejects[0], y=y - 15, width=rejects[1] - rejects[0], height=30, class_="alarm-zone"),
            line(LEFT, y, RIGHT, y, "grid"),
            line(limit, y - 15, limit, y + 15, "threshold"),
            text(LEFT - 16, y + 5, score.name, "label", "end"),
            *_dots(score.accepted, scale, y, "expert"),
            *_dots(score.rejected, scale, y, "alarm"),
            text(RIGHT + 14, y + 5, f"{score.threshold.side} {score.threshold.limit:g}", "quiet"),
        ]
    )


def _dots(values: Sequence[float], scale: Scale, y: float, tone: str) -> list[Markup]:
    aside = (0, -SPREAD_PX, SPREAD_PX)
    return [
        tag("circle", tag("title", f"{value:.4g}"), cx=scale(value), cy=y + aside[i % 3], r=5, class_=f"mark {tone}")
        for i, value in enumerate(values)
    ]
