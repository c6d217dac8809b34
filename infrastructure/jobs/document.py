"""YAML as data together with the line of every value."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .errors import Problem, WorkflowError
from .render import Rendered

Key = tuple[str | int, ...]
"""Path to a value: `("workflow", "tasks", 0, "command")`."""
MOST_LINES = 100_000  # aliases can make a small file endless


def dotted(key: Key) -> str:
    """`files[0].contents`, as people write it."""
    text = ""
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".")


@dataclass(frozen=True)
class Document:
    """The data of a workflow file and where each value stands."""

    data: dict[str, Any]
    lines: dict[Key, int]
    """In the user's file, from 1."""

    def line(self, key: Key) -> int:
        """Line of a value, or of the nearest value around it."""
        while key not in self.lines and key:
            key = key[:-1]
        return self.lines.get(key, 0)


def parse(path: Path, rendered: Rendered) -> Document:
    """Parse rendered YAML.

    Raises:
        WorkflowError: If it is not YAML, not a mapping, or has a key twice.
    """
    loader = yaml.SafeLoader(rendered.text)
    try:
        root = loader.get_single_node()
        lines: dict[Key, int] = {}
        if root is not None:
            _walk(path, rendered, root, (), lines)
        data = loader.construct_document(root) if root is not None else None
    except (yaml.YAMLError, ValueError) as error:  # the latter of a date that is none
        mark = getattr(error, "problem_mark", None)
        why = getattr(error, "problem", None) or str(error)
        line = rendered.line(mark.line + 1) if mark else 0
        raise WorkflowError(path, [Problem(f"not valid YAML: {why}.", line=line)]) from error
    finally:
        loader.dispose()
    if not isinstance(data, dict):
        raise WorkflowError(path, [Problem("holds no workflow. It must begin with 'workflow:'.")])
    return Document(data, lines)


def _walk(path: Path, rendered: Rendered, node: yaml.Node, key: Key, lines: dict[Key, int]) -> None:
    if key in lines or len(lines) > MOST_LINES or len(key) > 50:
        return
    lines[key] = rendered.line(node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _walk(path, rendered, item, (*key, index), lines)
    elif isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            child = (*key, str(name.value))
            line = rendered.line(name.start_mark.line + 1)
            if child in lines and name.value != "<<":
                raise WorkflowError(path, [Problem("is there twice. Keep one.", dotted(child), line=line)])
            _walk(path, rendered, value, child, lines)
            lines[child] = line
