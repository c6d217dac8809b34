"""One line of the benchmark's report."""

from collections.abc import Callable
from pathlib import Path

from physai.infrastructure.contracts import Contract


class Row(Contract):
    """One measured number beside its goal."""

    name: str
    value: float
    unit: str
    goal: str
    met: bool
    peer: str = ""
    """What something else reached in the same run."""
    note: str = ""


type Measure = Callable[[Path], list[Row]]
"""Measures in an empty folder of its own."""
