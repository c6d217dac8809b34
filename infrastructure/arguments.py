"""What every command checks of the paths it is given, before it works for minutes."""

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from typer import Typer

from .errors import PhysaiError

FILES = frozenset({"html", "markdown", "receipt", "video"})
"""Parameters that name a file which a command will write."""
OUTPUTS = FILES | {"output"}
"""Those that name a file or a folder."""


class NotAPathError(PhysaiError):
    """A URI was given where a command takes a path."""

    exit_code = 2

    def __init__(self, uri: str, name: str) -> None:
        super().__init__(
            f"{uri}: is a URI, and {name} takes a path on this machine. `physai storage sync` copies between the two."
        )


class NoPlaceError(PhysaiError):
    """An output cannot be made where it was asked for."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: cannot be written, since {why}. Name another place.")


class SamePathError(PhysaiError):
    """A command was told to write over what it reads."""

    exit_code = 2

    def __init__(self, path: Path, name: str) -> None:
        super().__init__(f"{path}: is the {name} that is read; it is not written over. Name another output.")


def check_paths(app: Typer) -> None:
    """Let every command of `app` check its paths first.

    A URI in the place of a path would otherwise make a folder named `https:`, and an output that cannot be written
    would be noticed when all its work is done.
    """
    for group in app.registered_groups:
        if group.typer_instance is not None:
            check_paths(group.typer_instance)
    for command in app.registered_commands:
        if command.callback is not None:
            command.callback = _checked(command.callback)


def _checked(callback: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(callback)
    def checked(**given: object) -> Any:
        for name, value in given.items():
            for path in value if isinstance(value, list) else [value]:
                if isinstance(path, Path):
                    _refuse_uri(path, name)
                    if name in OUTPUTS:
                        _refuse_input(path, given)
                        _refuse_nowhere(path, file=name in FILES)
        return callback(**given)

    return checked


def _refuse_uri(path: Path, name: str) -> None:
    if len(path.parts) > 1 and path.parts[0].endswith(":"):
        raise NotAPathError(f"{path.parts[0]}//{'/'.join(path.parts[1:])}", name.replace("_", "-"))


def _refuse_input(output: Path, given: dict[str, object]) -> None:
    for name, value in given.items():
        for path in value if isinstance(value, list) else [value]:
            if name not in OUTPUTS and isinstance(path, Path) and path.is_file() and path.resolve() == output.resolve():
                raise SamePathError(output, name.replace("_", "-"))


def _refuse_nowhere(path: Path, *, file: bool) -> None:
    if file and path.is_dir():
        raise NoPlaceError(path, "it is a folder")
    if path.exists():  # whether it may be replaced, the command knows
        return
    place = next(parent for parent in path.absolute().parents if parent.exists())
    if not place.is_dir():
        raise NoPlaceError(path, f"{place} is a file")
    if not os.access(place, os.W_OK | os.X_OK):
        raise NoPlaceError(path, f"{place} is read-only")
