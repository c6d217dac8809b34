"""Every installed `physai` command, and whether a command line fits it."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import typer
import typer.main
from typer.exceptions import TyperException

from .errors import suggest

GROUP = "physai.commands"
"""The entry-point group with which a domain adds its commands."""


@cache
def domains() -> Mapping[str, EntryPoint]:
    """The first word of every command, and where it is loaded from."""
    return {entry.name: entry for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name)}


@cache
def load(domain: str) -> Any:
    """The command group of one domain; its modules are imported."""
    return typer.main.get_command(domains()[domain].load())


@cache
def commands() -> Mapping[str, Any]:
    """Every command by its words, e.g. `data-pipeline capture record`; groups themselves are left out."""
    return {" ".join(words): command for name in domains() for words, command in _below(load(name), (name,))}


def _below(command: Any, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    children = getattr(command, "commands", None)
    if children is None or getattr(command, "invoke_without_command", False):
        yield words, command
    for name, child in (children or {}).items():
        yield from _below(child, (*words, name))


def find(words: Sequence[str]) -> tuple[Any, int]:
    """Follow the words after `physai` to a command.

    Args:
        words: E.g. `["jobs", "run", "--plan"]`.

    Returns:
        The command and how many words named it; or, as text, what is wrong with the word at that place.
    """
    word = words[0] if words else ""
    if word not in domains():
        return f"physai has no command '{word}'. {suggest(word, domains())}", 0
    command, depth = load(word), 1
    while (children := getattr(command, "commands", None)) is not None:
        word = words[depth] if depth < len(words) else ""
        if word not in children:
            if getattr(command, "invoke_without_command", False):
                break
            path = " ".join(["physai", *words[:depth]])
            return f"`{path}` has no command '{word}'. {suggest(word, children)}", depth
        command, depth = children[word], depth + 1
    return command, depth


def misuse(command: Any, words: Sequence[str]) -> str:
    """What a command's own parser says of its options and arguments; empty if nothing."""
    try:
        command.make_context(command.name, list(words)).close()
    except TyperException as error:
        return f"{' '.join(error.format_message().split()).rstrip('.')}."
    except typer.Exit:  # `--help`, or no arguments where that shows help
        return ""
    return ""
