"""Why messages cannot be described, read or sent."""

from pathlib import Path

from ..errors import PhysaiError


class Ros2Error(PhysaiError):
    """A type or a message of ROS 2 cannot be used."""


class UnknownTypeError(Ros2Error):
    """A topic is said to be of a type that nobody knows."""

    def __init__(self, where: str, type_name: str, near: list[str]) -> None:
        meant = f"Did you mean '{near[0]}'? " if near else ""
        super().__init__(
            f"{where}: type '{type_name}' is unknown. {meant}"
            "Name the folder of its .msg file under `definitions`, if it is your own."
        )


class AbsentDefinitionError(Ros2Error):
    """A type cannot be described, because a part of it is not defined."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}. Put its <package>/msg/<Type>.msg into a folder under `definitions`.")


class BadDefinitionError(Ros2Error):
    """A `.msg` file cannot be read."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: not a message definition: {why}. Mend the file.")


class BadMessageError(Ros2Error):
    """Bytes are not a message of the type they are said to be."""

    def __init__(self, type_name: str, why: str) -> None:
        super().__init__(f"a message cannot be read as {type_name} ({why}). Compare the type with the publisher's.")
