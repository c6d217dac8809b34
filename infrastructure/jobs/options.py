"""Options that several commands share, and what their texts mean."""

from pathlib import Path
from typing import Annotated

import typer

from .errors import AssignmentError
from .render import Value

File = Annotated[Path, typer.Argument(help="An OSMO workflow file.")]
Set = Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Set a variable.")]
SetString = Annotated[
    list[str] | None, typer.Option("--set-string", metavar="NAME=VALUE", help="Set a variable to text, even `3`.")
]
SetEnv = Annotated[
    list[str] | None, typer.Option("--set-env", metavar="NAME=VALUE", help="Set an environment variable of every task.")
]
OnProfile = Annotated[
    str | None, typer.Option("--profile", help="Platform to fit: dev, prod, private, or a *.tfvars.json file.")
]


def values_of(variables: list[str] | None, strings: list[str] | None) -> dict[str, Value]:
    """Template variables from `--set` and `--set-string`.

    Raises:
        AssignmentError: If one is not `name=value`.
    """
    numbers = {name: _number(text) for name, text in assignments("--set", variables).items()}
    return {**numbers, **assignments("--set-string", strings)}


def _number(text: str) -> Value:
    """As OSMO reads `--set`: an integer, else a float, else text."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def assignments(option: str, texts: list[str] | None) -> dict[str, str]:
    """`["A=1"]` → `{"A": "1"}`.

    Raises:
        AssignmentError: If one is not `name=value`.
    """
    found = {}
    for text in texts or []:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise AssignmentError(option, text)
        found[name] = value
    return found
