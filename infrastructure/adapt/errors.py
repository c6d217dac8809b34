"""Why answers cannot be used."""

from pathlib import Path

from ..errors import PhysaiError


class AdaptError(PhysaiError):
    """An answer does not fit the robot, or what follows from the answers is refused by its own reader."""

    def __init__(self, file: Path, field: str, why: str, mend: str) -> None:
        super().__init__(f"{file}: {field}: {why}. {mend}")
