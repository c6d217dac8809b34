"""Numbers of messages, by the paths of a recording config: `position`, `pose.position.x`, `axes[2]`."""

import re
from array import array
from math import isfinite
from pathlib import Path
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.contracts import FeatureRule

from .errors import FieldError, JointsError, NotFiniteError, NoVelocitiesError
from .layout import Layout, Number

PART = re.compile(r"^(?P<name>\w+)(?:\[(?P<index>\d+)\])?$")


class Numbers:
    """What a topic says about one feature, message by message."""

    def __init__(self, path: Path, topic: str, rule: FeatureRule) -> None:
        self._path, self._topic, self.rule = path, topic, rule
        self._values = array("d")
        self._picked: list[int] | None = None
        self._keys: list[str] = []
        self._reader: Struct | None = None
        self._order: list[int] | None = None
        self._count = 0
        self.names: list[str] = []
        """Names of the elements, known from the first message on."""

    def add(self, message: Any) -> None:
        """Take the numbers of the next message.

        Raises:
            FieldError: If a path leads to no number.
            JointsError: If names, their order or the number of values change.
            NotFiniteError: If a number is NaN or infinite.
        """
        keys = [str(key) for key in getattr(message, self.rule.keyed_by, ())]
        parts = [self._part(message, path, keys) for path in self.rule.fields]
        for path, part in zip(self.rule.fields, parts, strict=True):
            if path == "velocity" and keys and not len(part):
                raise NoVelocitiesError(self._path, self._topic)
        if not self._count:
            self._keys = keys
            self.names = self._named(keys, [len(part) for part in parts])
        values = np.concatenate(parts)
        if keys != self._keys or len(values) != len(self.names):
            raise JointsError(self._path, self._topic, keys or [f"{len(values)} values"], self._keys or self.names)
        if not np.isfinite(values).all():
            raise NotFiniteError(self._path, self._topic, self._count)
        self._values.frombytes(values.tobytes())
        self._count += 1

    def learn(self, layout: Layout, data: bytes) -> bool:
        """Find the numbers in the bytes of the first message; False if they are not found there."""
        numbers: list[Number] = []
        for path in self.rule.fields:
            found = layout.find(path)
            picks = self._picked is not None and len(found) == len(self._keys)
            numbers += [found[index] for index in self._picked or ()] if picks else found
        self._reader = layout.reader(numbers)
        order = sorted(range(len(numbers)), key=lambda index: numbers[index])
        self._order = None if order == sorted(order) else np.argsort(order).tolist()
        return len(numbers) == len(set(numbers)) == len(self.names) and self._read(data) == self._values.tolist()

    def add_raw(self, data: bytes) -> None:
        """Take the numbers of the next message, of the layout that was learned.

        Raises:
            NotFiniteError: If a number is NaN or infinite.
        """
        values = self._read(data)
        if not all(map(isfinite, values)):
            raise NotFiniteError(self._path, self._topic, self._count)
        self._values.extend(values)
        self._count += 1

    def _read(self, data: bytes) -> list[float]:
        assert self._reader is not None
        values = self._reader.unpack_from(data)
        return [float(value) for value in values] if self._order is None else [float(values[at]) for at in self._order]

    def rows(self, before: NDArray[np.intp], after: NDArray[np.intp], weight: NDArray[np.float64]) -> NDArray[Any]:
        """Values of the rows, shape (T, elements), in the type of the rule."""
        values = np.frombuffer(self._values, np.float64).reshape(self._count, len(self.names))
        rows = values[before]
        if (before != after).any():
            rows = rows + (values[after] - rows) * weight[:, None]
        return rows.astype(self.rule.dtype)

    def _part(self, message: Any, path: str, keys: list[str]) -> NDArray[np.float64]:
        values = np.atleast_1d(self._at(message, path))
        if not self.rule.keys or len(keys) != len(values):
            return values
        if self._picked is None or keys != self._keys:
            if missing := [key for key in self.rule.keys if key not in keys]:
                raise FieldError(
                    self._path, self._topic, path, f"no element '{missing[0]}'; there are {', '.join(keys)}"
                )
            self._picked = [keys.index(key) for key in self.rule.keys]
        return values[self._picked]

    def _at(self, message: Any, path: str) -> NDArray[np.float64]:
        value = message
        for part in path.split("."):
            found = PART.match(part)
            if not found or not hasattr(value, found["name"]):
                raise FieldError(self._path, self._topic, path, f"there is no '{part}'")
            value = getattr(value, found["name"])
            if found["index"] is not None:
                if int(found["index"]) >= len(value):
                    raise FieldError(self._path, self._topic, path, f"'{found['name']}' has {len(value)} elements")
                value = value[int(found["index"])]
        try:
            return np.asarray(value, np.float64).ravel()
        except (TypeError, ValueError) as error:
            raise FieldError(self._path, self._topic, path, f"it is no number but {type(value).__name__}") from error

    def _named(self, keys: list[str], sizes: list[int]) -> list[str]:
        """Names by the rule, by the message's own list of names, or by the paths."""
        if self.rule.names:
            if len(self.rule.names) != sum(sizes):
                detail = f"the config names {len(self.rule.names)} elements, the message has {sum(sizes)}"
                raise FieldError(self._path, self._topic, ", ".join(self.rule.fields), detail)
            return list(self.rule.names)
        own = list(self.rule.keys) or keys
        names: list[str] = []
        for number, (path, size) in enumerate(zip(self.rule.fields, sizes, strict=True)):
            if own and size != len(own):
                raise JointsError(self._path, self._topic, [f"{size} values in {path}"], own)
            if own:
                names += own if number == 0 else [f"{name}.{path}" for name in own]
            else:
                names += [path] if size == 1 else [f"{path}[{index}]" for index in range(size)]
        return names
