"""Success over time, a line for each policy."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from physai.infrastructure.page.svg import Scale, drawing, line, path, percent, short, tag, text

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 240, 52, 700, 16, 206
TONES = ("policy", "champion", "expert", "production", "untrained")


def success_over_time(hourly: Sequence[dict[str, Any]]) -> Markup:
    """Hourly success; `hourly` as in `View`, not empty."""
    first, last = hourly[0]["hour"], hourly[-1]["hour"]
    x = Scale(first.timestamp(), max(last.timestamp(), first.timestamp() + 3600), LEFT, RIGHT)
    y = Scale(0.0, 1.0, BOTTOM, TOP)
    parts = [line(LEFT, y(value), RIGHT, y(value), "grid") for value in (0, 0.25, 0.5, 0.75, 1)]
    parts += [text(LEFT - 8, y(value) + 5, percent(value), "axis", "end") for value in (0, 0.5, 1)]
    parts.append(text(LEFT, HEIGHT - 8, f"{first:%d %b %H:%M}", "axis"))
    if last > first:
        parts.append(text(RIGHT, HEIGHT - 8, f"{last:%d %b %H:%M}", "axis", "end"))
    by_policy: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for row in hourly:
        by_policy[row["policy"]].append((x(row["hour"].timestamp()), y(row["success"])))
    for index, (policy, points) in enumerate(by_policy.items()):
        tone = TONES[index % len(TONES)]
        if len(points) > 1:
            parts.append(path(points, f"curve {tone}"))
        parts.append(tag("circle", cx=points[-1][0], cy=points[-1][1], r=5, class_=f"mark {tone}"))
        right = points[-1][0] > (LEFT + RIGHT) / 2
        parts.append(
            text(
                points[-1][0] + (-10 if right else 10),
                points[-1][1] + 20,
                short(policy),
                "axis halo",
                "end" if right else None,
            )
        )
    return drawing(WIDTH, HEIGHT, "Success by policy over time", *parts)
