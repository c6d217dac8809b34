"""Why episodes cannot be recorded where they were to be."""

from pathlib import Path

from physai.infrastructure.errors import PhysaiError


class CaptureError(PhysaiError):
    """A recording cannot be made."""


class OtherPlanError(CaptureError):
    """The folder holds episodes that were recorded otherwise."""

    def __init__(self, folder: Path, what: str, found: object, asked: object) -> None:
        super().__init__(
            f"{folder}: its episodes were recorded with {what} {found}, now {asked} is asked for. "
            "Record into another folder, or remove this one."
        )


class DamagedPlanError(CaptureError):
    """What says how a folder was recorded cannot be read."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path}: not a capture plan of this version. Record into another folder, or remove this one.")


class ForeignFolderError(CaptureError):
    """The folder holds something, but not a recording of ours."""

    def __init__(self, folder: Path, example: str) -> None:
        super().__init__(f"{folder}: holds {example}, but no recording that could be continued. Choose another folder.")


class SurplusError(CaptureError):
    """More episodes are there than are asked for."""

    def __init__(self, folder: Path, found: int, asked: int) -> None:
        super().__init__(
            f"{folder}: holds {found} episodes, {asked} are asked for. Ask for at least {found}, or record elsewhere."
        )


class BusyError(CaptureError):
    """Another process records into the folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder}: another process is recording here. Wait for it, or record into another folder.")
