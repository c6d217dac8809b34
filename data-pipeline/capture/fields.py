"""Reads numbers out of messages by their paths: `data`, `pose.position.x`, `axes[2]`."""

import re
from typing import Any

from .errors import FieldError

PART = re.compile(r"^(?P<name>\w+)(?:\[(?P<index>\d+)\])?$")


def number(topic: str, message: Any, path: str) -> float:
    """The number at a path.

    Raises:
        FieldError: If there is none.
    """
    value = message
    for part in path.split("."):
        found = PART.match(part)
        if not found or not hasattr(value, found["name"]):
            raise FieldError(topic, path, f"there is no '{part}'")
        value = getattr(value, found["name"])
        if found["index"] is not None:
            index = int(found["index"])
            if index >= len(value):
                raise FieldError(topic, path, f"'{found['name']}' has {len(value)} elements")
            value = value[index]
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise FieldError(topic, path, f"it is a {type(value).__name__}") from error
