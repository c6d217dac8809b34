"""Pages that need nothing but themselves: one style, drawings in SVG, and templates that escape what they are given."""

import base64
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from . import svg

STYLE = Path(__file__).parent
"""Holds `style.css`, for `{% include "style.css" %}`."""


@cache
def environment(templates: Path) -> Environment:
    """The templates of a folder; a name they do not know is an error.

    Args:
        templates: Looked into first, then the folder of the common style.
    """
    made = Environment(
        loader=FileSystemLoader([templates, STYLE]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "percent": svg.percent,
        "points": svg.points,
        "duration": svg.duration,
        "short": svg.short,
        "p_value": svg.p_value,
    }
    return made


def data_uri(path: Path, kind: str) -> str:
    """A file inside the page, e.g. of kind `video/mp4`."""
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
