"""The Python of a container image, where its name tells it, and the Python that a command wants."""

import re
from collections.abc import Iterator

from .spec import Task

Version = tuple[int, int]
Found = tuple[str, str]

NAMED = re.compile(r"(?:python|py|cp)[-:_]?3\.?(\d{1,2})(?![\d])")
KNOWN: tuple[tuple[re.Pattern[str], Version, str], ...] = (
    (re.compile(r"nvidia/isaac-lab:2\."), (3, 11), "Isaac Lab 2.x stands on Isaac Sim 5"),
    (re.compile(r"nvidia/isaac-sim:5\."), (3, 11), "Isaac Sim 5.x"),
    (re.compile(r"nvidia/isaac-sim:4\."), (3, 10), "Isaac Sim 4.x"),
)
"""Source: https://isaac-sim.github.io/IsaacLab/main/source/setup/installation/index.html, Python by version."""
NEEDS: tuple[tuple[re.Pattern[str], Version, str], ...] = (
    (re.compile(r"\blerobot\b|\blerobot-"), (3, 12), "LeRobot"),
    (re.compile(r"\bphysai\b"), (3, 12), "physai"),
)
"""Least Python. Source: `requires-python` of lerobot 0.5 and of this repository."""


def problems(task: Task) -> Iterator[Found]:
    """An image whose Python is too old for what the task runs in it."""
    found = image_python(task.image)
    if found is None:
        return
    version, why = found
    text = " ".join([*task.command, *task.args, *(file.contents for file in task.files if not file.base64)])
    for pattern, least, name in NEEDS:
        if version < least and pattern.search(text):
            has, wants = ".".join(map(str, version)), ".".join(map(str, least))
            message = (
                f"'{task.image}' has Python {has} ({why}); {name} needs {wants}. Choose an image with Python {wants}."
            )
            yield message, "image"
            return


def image_python(image: str) -> tuple[Version, str] | None:
    """(version, how it is known) of an image's Python; None if its name does not tell."""
    for pattern, version, why in KNOWN:
        if pattern.search(image):
            return version, why
    if match := NAMED.search(image):
        return (3, int(match[1])), "by its name"
    return None
