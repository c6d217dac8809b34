"""Worlds shipped with physai, and any world in a file."""

from collections.abc import Mapping
from pathlib import Path

from ...contracts import World
from ..errors import UnknownWorldError

FOLDER = Path(__file__).parent


def shipped() -> Mapping[str, Path]:
    """Name → file of every shipped world."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.json"))}


def load_world(name_or_path: str) -> World:
    """A shipped world by name, or a world of one's own by path.

    Raises:
        UnknownWorldError: If it is neither.
        ContractError: If the file does not hold a world.
    """
    known = shipped()
    if name_or_path in known:
        return World.read(known[name_or_path])
    path = Path(name_or_path)
    if not path.is_file():
        raise UnknownWorldError(name_or_path, tuple(known))
    return World.read(path)
