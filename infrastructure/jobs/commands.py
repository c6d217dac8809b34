"""Whether the `physai` commands that a workflow runs exist, with the options that it gives them."""

from collections.abc import Iterator

from ..commands import find, misuse
from .spec import Task
from .tokens import used

Found = tuple[str, str]
"""(message, field)."""


def problems(task: Task) -> Iterator[Found]:
    """What `physai` would refuse of a task's command line before it does anything."""
    program, *words = [*task.command, *task.args]
    if program != "physai" or "{{host" in (words or [""])[0]:
        return
    command, depth = find(words)
    if isinstance(command, str):
        yield command, _field(task, min(depth + 1, len(words)))
        return
    message = misuse(command, words[depth:])
    if message and not _filled_later(message):
        yield f"`{' '.join([program, *words[:depth]])}`: {message}", _named(task, message)


def _filled_later(message: str) -> bool:
    """Whether a message is only about files that are not here yet."""
    return "does not exist" in message or bool(used(message))


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
