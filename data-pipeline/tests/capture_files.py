"""Reads recordings by mcap's own indexed reader, which the recorder does not use."""

from pathlib import Path
from typing import Any

from mcap.reader import make_reader

from physai.infrastructure.ros2.definitions import Definitions


def said(path: Path, topic: str) -> list[Any]:
    """Messages of a topic, decoded, in order of their log time."""
    definitions = Definitions()
    with path.open("rb") as file:
        return [
            definitions.decode(schema.name, message.data)
            for schema, _, message in make_reader(file, validate_crcs=True).iter_messages(topics=[topic])
        ]


def first_joint(path: Path) -> list[float]:
    """Position of joint 0 in every joint state."""
    return [float(message.position[0]) for message in said(path, "/joint_states")]
