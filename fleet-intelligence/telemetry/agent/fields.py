"""Numbers in a ROS 2 message, by the path of their field; a wrong path is told before anything is heard."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import SignalFieldError

if TYPE_CHECKING:
    from physai.infrastructure.ros2.definitions import Definitions

type Numbers = Sequence[float] | NDArray[Any]


def reader_of(definitions: "Definitions", signal: str, kind: str, path: str) -> Callable[[Any], Numbers]:
    """What reads the numbers of a field out of a message of a type.

    Args:
        definitions: Where the type is defined.
        signal: For errors.
        kind: ROS 2 type.
        path: `effort`, `wrench.force.x`, or of a message in an array `points.0.positions`.

    Raises:
        Ros2Error: If the type is not defined.
        SignalFieldError: If there is no such field, or no number in it.
    """
    definitions.require(signal, kind)
    _check(definitions, signal, kind, path)
    parts = path.split(".")

    def read(message: Any) -> Numbers:
        for part in parts:
            message = message[int(part)] if part.isdecimal() else getattr(message, part)
        return (float(message),) if np.ndim(message) == 0 else message

    return read


def _check(definitions: "Definitions", signal: str, kind: str, path: str) -> None:
    from rosbags.interfaces import Nodetype

    arrays = (Nodetype.ARRAY, Nodetype.SEQUENCE)
    node: Any = Nodetype.NAME  # as rosbags describes a field: a kind, and what it is of
    what: Any = kind
    for part in path.split("."):
        known = [name for name, _ in definitions.fields(what)] if node is Nodetype.NAME else []
        if node in arrays and part.isdecimal():
            node, what = what[0]
        elif part in known:
            node, what = dict(definitions.fields(what))[part]
        else:
            why = f"an array is followed by an index, not by '{part}'" if node in arrays else f"there is no '{part}'"
            raise SignalFieldError(signal, kind, path, why, part, known)
    if node is Nodetype.NAME:
        fields = [name for name, _ in definitions.fields(what)]
        raise SignalFieldError(signal, kind, path, f"it is a message, {what}; go on to one of its fields", "", fields)
    node, what = what[0] if node in arrays else (node, what)
    if node is Nodetype.NAME:
        raise SignalFieldError(signal, kind, path, "it is an array of messages; go on with an index, '0', and a field")
    if what[0] in ("string", "wstring"):
        raise SignalFieldError(signal, kind, path, "it is text")
