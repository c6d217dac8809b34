"""Where a policy succeeds and where it fails: the targets seen from above."""

from collections.abc import Sequence

from markupsafe import Markup

from physai.infrastructure.contracts import ConditionSet, PolicyResult
from physai.infrastructure.page.svg import MINUS, Scale, drawing, group, line, tag, text, ticks

SIDE, LEFT, TOP, GAP, FOOT = 250, 46, 30, 40, 40
MARGIN_M = 0.03


def outcome_map(conditions: ConditionSet, results: Sequence[PolicyResult]) -> Markup:
    """One square a policy; a cross is a failure. x and y of the target in the robot's base frame, in m."""
    spots = [condition.command[:2] for condition in conditions.conditions]
    middle = [(min(axis) + max(axis)) / 2 for axis in zip(*spots, strict=True)]
    reach = max(max(axis) - min(axis) for axis in zip(*spots, strict=True)) / 2 + MARGIN_M
    parts = []
    for index, result in enumerate(results):
        left = LEFT + index * (SIDE + GAP)
        x = Scale(middle[0] - reach, middle[0] + reach, left, left + SIDE)
        y = Scale(middle[1] - reach, middle[1] + reach, TOP + SIDE, TOP)
        parts += [
            *_frame(result.role, x, y, first=index == 0),
            *(_spot(*where, x, y) for where in _told(result, spots)),
        ]
    width = LEFT + len(results) * (SIDE + GAP)
    return drawing(width, TOP + SIDE + FOOT, "Targets from above, by outcome", *parts)


def _told(result: PolicyResult, spots: Sequence[tuple[float, ...]]) -> list[tuple[int, float, float, bool]]:
    return [(e.condition, spots[e.condition][0], spots[e.condition][1], e.success) for e in result.episodes]


def _frame(role: str, x: Scale, y: Scale, *, first: bool) -> list[Markup]:
    parts = [text((x.start + x.end) / 2, TOP - 12, role, "label", "middle")]
    for value in ticks(x.low, x.high, 4):
        parts += [
            line(x(value), y.end, x(value), y.start, "grid"),
            text(x(value), y.start + 20, f"{value:g}".replace("-", MINUS), "axis", "middle"),
        ]
    for value in ticks(y.low, y.high, 4):
        parts.append(line(x.start, y(value), x.end, y(value), "grid"))
        if first:
            parts.append(text(x.start - 8, y(value) + 5, f"{value:g}".replace("-", MINUS), "axis", "end"))
    return parts


def _spot(condition: int, x_m: float, y_m: float, success: bool, x: Scale, y: Scale) -> Markup:
    told = tag("title", f"condition {condition}: {'succeeded' if success else 'failed'}")
    if success:
        return tag("circle", told, cx=x(x_m), cy=y(y_m), r=5, class_="success")
    cross = f"M{x(x_m) - 5:.1f} {y(y_m) - 5:.1f}l10 10m0-10l-10 10"
    return group([told, tag("path", d=cross, class_="moment", stroke_width=3)])
