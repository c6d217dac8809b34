"""Whether the `physai` commands that a workflow runs exist, with the options that it gives them."""

from collections.abc import Iterator
from functools import cache
from importlib.metadata import entry_points
from typing import Any

import typer
import typer.main
from typer.exceptions import TyperException

from .errors import suggest
from .spec import Task
from .tokens import used

GROUP = "physai.commands"
Found = tuple[str, str]
"""(message, field)."""


def problems(task: Task) -> Iterator[Found]:
    """What `physai` would refuse of a task's command line before it does anything."""
    words = [*task.command, *task.args]
    if words[0] != "physai" or any("{{host" in word for word in words[:2]):
        return
    command, depth = _walk(words)
    if isinstance(command, str):
        yield command, _field(task, depth)
        return
    message = _parse(command, words[depth:])
    if message:
        yield f"`{' '.join(words[:depth])}`: {message}", _named(task, message)


def _walk(words: list[str]) -> tuple[Any, int]:
    """The command that words lead to and how many they are; or what is wrong with the next one."""
    known = _domains()
    if len(words) < 2 or words[1] not in known:
        said = words[1] if len(words) > 1 else ""
        return f"physai has no command '{said}'. {suggest(said, known)}", min(1, len(words) - 1)
    command, depth = _command(words[1]), 2
    while (children := getattr(command, "commands", None)) is not None:
        word = words[depth] if depth < len(words) else ""
        if word not in children:
            if getattr(command, "invoke_without_command", False):
                break
            path = " ".join(words[:depth])
            return f"`{path}` has no command '{word}'. {suggest(word, children)}", min(depth, len(words) - 1)
        command, depth = children[word], depth + 1
    return command, depth


def _parse(command: Any, words: list[str]) -> str:
    """What the parser says of options and arguments; empty if nothing, or only of files that are not here yet."""
    try:
        command.make_context(command.name, list(words)).close()
    except TyperException as error:
        message = " ".join(error.format_message().split())
        filled_later = "does not exist" in message or used(message)
        return "" if filled_later else f"{message.rstrip('.')}."
    except typer.Exit:  # `--help`, or no arguments where that shows help
        return ""
    return ""


@cache
def _domains() -> dict[str, Any]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}


@cache
def _command(name: str) -> Any:
    return typer.main.get_command(_domains()[name].load())


def _field(task: Task, word: int) -> str:
    """Where a word of the command line stands: `args[2]`."""
    return f"command[{word}]" if word < len(task.command) else f"args[{word - len(task.command)}]"


def _named(task: Task, message: str) -> str:
    """The word that a message is about, else the command."""
    words = [*task.command, *task.args]
    for index, word in enumerate(words):
        option = word.partition("=")[0]
        if word.startswith("--") and f"{option} " in f"{message.replace("'", ' ')} ":
            return _field(task, index)
    return "args" if task.args else "command"
