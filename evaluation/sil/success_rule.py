"""What success is in a Gymnasium environment: a rule that is stored with the conditions, never just `terminated`."""

import operator
import re
from collections.abc import Callable
from typing import NamedTuple

from ..errors import EvaluationError

COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
FORM = re.compile(r"(return|steps|info\.[A-Za-z_]\w*)(?:\s*(>=|<=|>|<)\s*(-?\d+(?:\.\d+)?))?")


class RuleError(EvaluationError):
    """A rule for success that says nothing."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"success rule '{text}' is none. Write 'info.KEY' (true at any step), 'info.KEY >= NUMBER' (at any step), "
            "'return >= NUMBER' or 'steps >= NUMBER' (when the episode ends); <=, > and < too."
        )


class SuccessRule(NamedTuple):
    """A rule, read."""

    what: str
    """`return`, `steps`, or `info.` and a key of the environment's info."""
    compare: Callable[[float, float], bool]
    bound: float

    @property
    def at_end(self) -> bool:
        """Whether only a whole episode can tell."""
        return self.what in ("return", "steps")

    def holds(self, value: float) -> bool:
        """Whether a value is a success."""
        return self.compare(value, self.bound)


def read_rule(text: str) -> SuccessRule:
    """Read `return >= -200`, `steps >= 500`, `info.is_success` or `info.distance <= 0.05`.

    Raises:
        RuleError: If it is none of these forms.
    """
    found = FORM.fullmatch(text.strip())
    if found is None:
        raise RuleError(text)
    what, sign, bound = found.groups()
    if sign is None:
        if not what.startswith("info."):
            raise RuleError(text)
        return SuccessRule(what, operator.gt, 0.0)  # a flag
    return SuccessRule(what, COMPARE[sign], float(bound))
