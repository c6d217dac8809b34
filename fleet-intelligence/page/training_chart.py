"""Training curves."""

from collections.abc import Iterator
from math import ceil, floor, log10

from markupsafe import Markup

from physai.infrastructure.contracts import TrainingSummary
from physai.infrastructure.page.svg import Scale, drawing, line, path, tag, text, ticks

WIDTH, HEIGHT = 620, 300
LEFT, RIGHT, TOP, BOTTOM = 58, 600, 26, 250


def training_chart(training: TrainingSummary) -> Markup | None:
    """Loss over optimizer steps, on a logarithmic scale; None if no positive loss was noted."""
    trained = [(step, loss) for step, loss in zip(training.steps, training.loss, strict=True) if loss > 0]
    heldout = [
        (step, loss) for step, loss in zip(training.heldout_steps, training.heldout_loss, strict=True) if loss > 0
    ]
    both = trained + heldout
    if not both:
        return None
    low, high = _decades(min(loss for _, loss in both), max(loss for _, loss in both))
    x = Scale(0, max(step for step, _ in both) or 1, LEFT, RIGHT)
    y = Scale(low, high, BOTTOM, TOP)
    parts = [*_axes(x, y)]
    if trained:
        parts.append(path([(x(step), y(log10(loss))) for step, loss in trained], "curve trained"))
    if heldout:
        places = [(x(step), y(log10(loss))) for step, loss in heldout]
        parts.append(path(places, "curve heldout"))
        parts += [tag("circle", cx=px, cy=py, r=4, class_="mark heldout") for px, py in places]
    parts += _legend(bool(trained), bool(heldout))
    parts.append(text((LEFT + RIGHT) / 2, HEIGHT - 6, "optimizer steps", "axis", "middle"))
    return drawing(WIDTH, HEIGHT, f"Loss over {x.high:g} training steps", *parts)


def _decades(least: float, most: float) -> tuple[float, float]:
    """Bounds of the axis in powers of ten, on halves."""
    low, high = floor(log10(least) * 2) / 2, ceil(log10(most) * 2) / 2
    return (low, high) if high > low else (low, low + 0.5)


def _axes(x: Scale, y: Scale) -> Iterator[Markup]:
    for power in range(floor(y.low), ceil(y.high) + 1):
        for factor in (1, 2, 5):
            place = power + log10(factor)
            if y.low <= place <= y.high:
                yield line(LEFT, y(place), RIGHT, y(place), "grid")
                yield text(LEFT - 8, y(place) + 5, f"{factor * 10.0**power:g}", "axis", "end")
    for value in ticks(x.low, x.high, 5):
        yield text(x(value), BOTTOM + 20, f"{value:g}", "axis", "middle")
    yield text(LEFT - 50, TOP - 10, "loss", "axis")


def _legend(trained: bool, heldout: bool) -> Iterator[Markup]:
    named = [("training episodes", "trained", trained), ("held-out episodes", "heldout", heldout)]
    for index, (name, class_, _) in enumerate(item for item in named if item[2]):
        y = TOP + 14 + 22 * index
        yield line(RIGHT - 176, y - 5, RIGHT - 148, y - 5, f"curve {class_}")
        yield text(RIGHT - 138, y, name, "axis")
