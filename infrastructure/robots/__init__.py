"""Robots by name, from the descriptions in this folder; needs no simulator."""

from pathlib import Path

from ..contracts import Robot
from ..errors import PhysaiError, suggest

FOLDER = Path(__file__).parent


class UnknownRobotError(PhysaiError):
    """No description of a robot has this name."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(
            f"robot '{name}' is unknown. {suggest(name, known)} "
            "Or give a file; `physai contracts show robot` tells what is in it."
        )


def known_robots() -> tuple[str, ...]:
    """Names of the robots described here."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.json")))


def load_robot(name: str) -> Robot:
    """The robot of that name, or described in that file: our JSON, or a URDF.

    Raises:
        UnknownRobotError: If there is none.
        ContractError: If the file is no description of a robot.
        UrdfError: If it is no URDF of a robot whose joints turn.
    """
    if name.endswith((".urdf", ".xml")):
        from .urdf import read_urdf

        return read_urdf(Path(name))
    if name.endswith(".json"):
        return Robot.read(Path(name))
    if name not in known_robots():
        raise UnknownRobotError(name, known_robots())
    return Robot.read(FOLDER / f"{name}.json")
