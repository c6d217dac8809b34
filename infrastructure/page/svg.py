"""Drawing in SVG: elements, and scales from values to places."""

from collections.abc import Iterable, Sequence
from math import ceil, floor, log10
from typing import NamedTuple

from markupsafe import Markup, escape

WIDE = 700
MINUS, EN_DASH = "\N{MINUS SIGN}", "\N{EN DASH}"

Attribute = str | float | int | None


def tag(name: str, *children: Markup | str, **attributes: Attribute) -> Markup:
    """An element. `class_` is `class`, `stroke_width` is `stroke-width`; an attribute that is None is left out."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_number(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{written}>{Markup('').join(children)}</{name}>")  # noqa: S704 - attributes and children are escaped


def _number(value: Attribute) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def group(children: Iterable[Markup], **attributes: Attribute) -> Markup:
    """Elements that belong together."""
    return tag("g", *children, **attributes)


def drawing(width: float, height: float, label: str, *children: Markup) -> Markup:
    """A picture that scales to its place; `label` says to a screen reader what is to be seen.

    One that is wider than `WIDE` is in a box that scrolls on a phone, where its text would be too small to read.
    """
    made = tag("svg", *children, viewBox=f"0 0 {width:g} {height:g}", role="img", aria_label=label)
    return tag("div", made, class_="wide") if width > WIDE else made


def text(x: float, y: float, content: str, class_: str | None = None, anchor: str | None = None) -> Markup:
    """A line of text."""
    return tag("text", content, x=x, y=y, class_=class_, text_anchor=anchor)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """A straight line."""
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def path(points: Sequence[tuple[float, float]], class_: str) -> Markup:
    """A line through points."""
    return tag("path", d="M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points), class_=class_)


class Scale(NamedTuple):
    """A straight map from values to places."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The place of a value, beyond the ends too."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def ticks(low: float, high: float, count: int) -> list[float]:
    """About `count` round values between two."""
    if high <= low:
        return [low]
    raw = (high - low) / count
    power = 10.0 ** floor(log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw)
    return [step * number for number in range(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1)]


def short(digest: str) -> str:
    """The first twelve digits of a digest."""
    return digest.removeprefix("sha256:")[:12]


def percent(value: float) -> str:
    """A rate, e.g. `83 %`."""
    return f"{value * 100:.0f} %"


def points(value: float) -> str:
    """A difference of rates, e.g. `+12`, with a true minus, and zero without a sign."""
    rounded = round(value * 100)
    return f"{rounded:+d}".replace("-", MINUS) if rounded else "0"


def p_value(value: float) -> str:
    """A p-value with its sign, e.g. `= 0.012`; tiny ones only as a bound."""
    return f"= {value:.2g}" if value >= 0.0001 else "< 0.0001"


def duration(seconds: float) -> str:
    """A length of time, e.g. `4.8 s`, `48 s`, `3 min`, `3 min 20 s`, `2 h 05 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s" if rest else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes % 60 else f"{minutes // 60} h"
