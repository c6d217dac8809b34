"""How often each policy succeeded, with its interval."""

from collections.abc import Sequence

from markupsafe import Markup

from physai.infrastructure.contracts import PolicyResult
from physai.infrastructure.page.svg import EN_DASH, Scale, drawing, group, line, percent, tag, text

WIDTH, LEFT, RIGHT, TOP, ROW = 960, 130, 640, 34, 40
X = Scale(0, 1, LEFT, RIGHT)
TONES = {"candidate": "policy", "champion": "champion", "expert": "expert", "untrained": "untrained"}


def rates_chart(results: Sequence[PolicyResult]) -> Markup:
    """One row a policy."""
    height = TOP + ROW * len(results)
    grid = [line(X(share), TOP - 6, X(share), height - 6, "grid") for share in (0, 0.25, 0.5, 0.75, 1)]
    labels = [text(X(share), TOP - 14, percent(share), "axis", "middle") for share in (0, 0.25, 0.5, 0.75, 1)]
    rows = [_row(result, TOP + ROW * (index + 0.5)) for index, result in enumerate(results)]
    return drawing(WIDTH, height, "Success rates with 95 % intervals", group(grid), group(labels), *rows)


def _row(result: PolicyResult, y: float) -> Markup:
    rate, tone = result.success, TONES[result.role]
    said = f"  {rate.lower * 100:.0f}{EN_DASH}{rate.upper * 100:.0f} %, {rate.successes} of {rate.episodes}"
    return group(
        [
            text(LEFT - 20, y + 5, result.role, "label", "end"),
            line(X(rate.lower), y, X(rate.upper), y, f"interval {tone}"),
            tag("circle", cx=X(rate.value), cy=y, r=7, class_=f"mark {tone}"),
            tag(
                "text",
                tag("tspan", percent(rate.value), class_=f"strong value {tone}"),
                tag("tspan", said, class_="quiet"),
                x=RIGHT + 24,
                y=y + 5,
            ),
        ]
    )
