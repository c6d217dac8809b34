"""What `--help` says of every command: what it does, an example, and what each of its words is."""

from collections.abc import Iterator
from typing import Any

import typer

from physai.infrastructure.commands import domains


def commands(command: Any, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The commands below one, with the words that call them."""
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(below, (*words, name))
    if not getattr(command, "commands", {}):
        yield words, command


def test_every_command_has_an_example_and_every_word_of_it_is_explained() -> None:
    found = [
        pair for entry in domains().values() for pair in commands(typer.main.get_command(entry.load()), (entry.name,))
    ]
    assert len(found) > 150
    assert [words for words, command in found if f"Example: physai {' '.join(words)}" not in (command.help or "")] == []
    assert [
        (*words, parameter.name)
        for words, command in found
        for parameter in command.params
        if not getattr(parameter, "help", None)
    ] == []
