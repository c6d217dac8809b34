"""Which episodes are meant: by number, `0,3,5:8`, or by what is true of them, `quality.smoothness > 0.7`.

An expression is Python's syntax for comparison, arithmetic, `and`, `or`, `not` and `in`, over the facts below, read
from its syntax tree; nothing else of Python is in it, and nothing is executed.
"""

import ast
import difflib
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from physai.infrastructure.datasets import Dataset

from ..annotations import Annotations, Marks
from ..described import Described
from ..errors import ExpressionError, SelectionError
from .outcome import outcomes
from .quality import EpisodeQuality, quality

Track = Callable[[Iterable[int]], Iterable[int]]

BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
COMPARE: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}
ALLOWED = (
    *(ast.BoolOp, ast.boolop, ast.UnaryOp, ast.unaryop, ast.BinOp, ast.Compare, ast.cmpop),
    *(ast.Name, ast.Constant, ast.Attribute, ast.Tuple, ast.List, ast.expr_context, *BINARY),
)
LONGEST = 1000
MISSING = (ast.Eq, ast.NotEq, ast.Is, ast.IsNot, ast.In, ast.NotIn)
"""Comparisons that may be asked of a fact that is not known; any other is false."""

FACTS = {
    "episode": "index",
    "rows": "number of rows",
    "duration_s": "seconds",
    "task": "what the robot was asked to do",
    "outcome": "success, failure, interrupted or unknown",
    "split": "train, heldout, …",
    "world": "simulated world, or real",
    "generator": "who moved the robot",
    "synthetic": "whether it was made from another episode",
    "labels": "a list: 'good' in labels",
    "category": "text, or None",
    "rating": "1 to 5, or None",
    "review": "accept, reject, unsure, or None",
    "comments": "how many",
    "quality": "scores: " + ", ".join(f"quality.{name}" for name in EpisodeQuality.model_fields if name != "reasons"),
}
"""Name → what it is, for help and messages."""


def parse_episodes(text: str, total: int) -> list[int]:
    """Episode numbers of `0,3,5:8`, the end of a range excluded.

    Raises:
        SelectionError: If it is written otherwise, or there is no such episode.
    """
    chosen: set[int] = set()
    for part in text.split(","):
        first, colon, last = part.strip().partition(":")
        numbers = (first or "0", last or str(total)) if colon else (first, first)
        if not all(number.isdecimal() for number in numbers):
            raise SelectionError(text, "write episodes as 0,3,5:8, the end of a range excluded")
        start, end = int(numbers[0]), int(numbers[1]) + (not colon)
        if not start < end <= total:
            raise SelectionError(part.strip(), f"there are episodes 0 to {total - 1}")
        chosen |= set(range(start, end))
    return sorted(chosen)


def select_described(
    dataset: Described, marks: Sequence[Marks], *, episodes: str | None = None, where: str | None = None
) -> list[int]:
    """As `select`, of a dataset that is elsewhere, of which the quality is not known.

    Raises:
        SelectionError: If episodes are not understood, or quality is asked for.
        ExpressionError: If the expression is not understood.
    """
    chosen = parse_episodes(episodes, dataset.num_episodes) if episodes else list(range(dataset.num_episodes))
    if where is None:
        return chosen
    test = Expression(where)
    if "quality" in test.names:
        raise SelectionError(where, "quality is measured where the dataset is. Bring it with `physai storage sync`")
    facts = facts_of(dataset, marks, dataset.outcomes)
    return [index for index in chosen if test(facts[index])]


def select(root: Path, *, episodes: str | None = None, where: str | None = None, track: Track = iter) -> list[int]:
    """Episodes that are named and of which the expression is true, ascending.

    Args:
        root: The dataset.
        episodes: As for `parse_episodes`; by default all.
        where: An expression; by default true.
        track: Wraps episodes while they are judged, if the expression asks for quality.

    Raises:
        SelectionError: If episodes are not understood.
        ExpressionError: If the expression is not.
    """
    dataset = Dataset(root)
    chosen = parse_episodes(episodes, dataset.num_episodes) if episodes else list(range(dataset.num_episodes))
    if where is None:
        return chosen
    test = Expression(where)
    facts = episode_facts(dataset, judged=quality(root, track).episodes if "quality" in test.names else None)
    return [index for index in chosen if test(facts[index])]


def episode_facts(dataset: Dataset, judged: Iterable[EpisodeQuality] | None = None) -> list[dict[str, Any]]:
    """What an expression may speak of, for each episode."""
    return facts_of(dataset, Annotations(dataset).all_marks(), outcomes(dataset), judged)


def facts_of(
    dataset: Dataset | Described,
    marks: Sequence[Marks],
    known: Sequence[str],
    judged: Iterable[EpisodeQuality] | None = None,
) -> list[dict[str, Any]]:
    """The same of a dataset that may be elsewhere.

    Args:
        dataset: The dataset.
        marks: What is said of each episode.
        known: Outcome of each.
        judged: Quality of each, if it is known.
    """
    sources = dataset.provenance.episodes if dataset.provenance else [None] * dataset.num_episodes
    splits = {index: name for name, episodes in dataset.splits.items() for index in episodes}
    scores = list(judged) if judged is not None else [None] * dataset.num_episodes
    return [
        {
            "episode": index,
            "rows": dataset.lengths[index],
            "duration_s": dataset.lengths[index] / dataset.fps,
            "task": dataset.tasks[index],
            "outcome": known[index],
            "split": splits.get(index),
            "world": source.world if source else "unknown",
            "generator": source.generator if source else "unknown",
            "synthetic": bool(source and (source.generated or source.parameters)),
            "labels": marks[index].labels,
            "category": marks[index].category,
            "rating": marks[index].rating,
            "review": marks[index].review,
            "comments": len(marks[index].comments),
            "quality": scores[index],
        }
        for index, source in enumerate(sources)
    ]


class Expression:
    """A condition on episodes."""

    def __init__(self, text: str) -> None:
        """Parse a condition.

        Raises:
            ExpressionError: If it is no expression, or uses what is not known.
        """
        self.text = text
        if len(text) > LONGEST:
            raise ExpressionError(text[:40] + "…", f"longer than {LONGEST} characters")
        try:
            self._tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise ExpressionError(text, f"{getattr(error, 'msg', None) or error}") from error
        self.names = {node.id for node in ast.walk(self._tree) if isinstance(node, ast.Name)}
        for name in sorted(self.names - FACTS.keys()):
            close = difflib.get_close_matches(name, FACTS, 1)
            hint = f"Did you mean {close[0]}? " if close else ""
            raise ExpressionError(text, f"{name} is unknown. {hint}Known: {', '.join(FACTS)}")
        for node in ast.walk(self._tree):
            self._check(node)

    def __call__(self, facts: Mapping[str, Any]) -> bool:
        """Whether it is true of an episode.

        Raises:
            ExpressionError: If it compares what cannot be compared.
        """
        try:
            return bool(self._value(self._tree, facts))
        except (TypeError, ZeroDivisionError, OverflowError) as error:
            raise ExpressionError(self.text, str(error)) from error

    def _check(self, node: ast.AST) -> None:
        if isinstance(node, ast.Attribute):
            if not (isinstance(node.value, ast.Name) and node.value.id == "quality"):
                raise ExpressionError(self.text, f"'.{node.attr}' is not understood")
            known = [name for name in EpisodeQuality.model_fields if name != "reasons"]
            if node.attr not in known:
                raise ExpressionError(self.text, f"quality.{node.attr} is unknown. Known: {', '.join(known)}")
        if not isinstance(node, ALLOWED) or isinstance(node, ast.Invert):
            raise ExpressionError(self.text, f"{type(node).__name__} is not understood")
        if isinstance(node, ast.Constant) and not isinstance(node.value, str | int | float | bool | None):
            raise ExpressionError(self.text, f"{node.value!r} is not understood")

    def _value(self, node: ast.expr, facts: Mapping[str, Any]) -> Any:
        match node:
            case ast.Constant():
                return node.value
            case ast.Name():
                return facts[node.id]
            case ast.Attribute():
                return getattr(facts["quality"], node.attr)
            case ast.Tuple() | ast.List():
                return [self._value(element, facts) for element in node.elts]
            case ast.BoolOp():
                every = isinstance(node.op, ast.And)
                return (all if every else any)(self._value(value, facts) for value in node.values)
            case ast.UnaryOp():
                value = self._value(node.operand, facts)
                return not value if isinstance(node.op, ast.Not) else -value if isinstance(node.op, ast.USub) else value
            case ast.BinOp():
                left, right = self._value(node.left, facts), self._value(node.right, facts)
                return None if left is None or right is None else BINARY[type(node.op)](left, right)
            case ast.Compare():
                return self._compare(node, facts)
        raise AssertionError(node)  # the constructor has refused it

    def _compare(self, node: ast.Compare, facts: Mapping[str, Any]) -> bool:
        left = self._value(node.left, facts)
        for op, comparator in zip(node.ops, node.comparators, strict=True):
            right = self._value(comparator, facts)
            if (left is None or right is None) and not isinstance(op, MISSING):
                return False
            if not COMPARE[type(op)](left, right):
                return False
            left = right
        return True
