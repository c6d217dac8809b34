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


class FieldError(CaptureError):
    """A path names no number in a message."""

    def __init__(self, topic: str, path: str, why: str) -> None:
        super().__init__(f"{topic}: field '{path}': {why}. Give the path of a number, e.g. data or pose.position.z.")


class DiskFullError(CaptureError):
    """There is no room to record."""

    def __init__(self, folder: Path, free_gb: float, least_gb: float) -> None:
        super().__init__(
            f"{folder}: {free_gb:.2f} GB are free, recording stops at {least_gb:g} GB. Make room, or lower min_free_gb."
        )


class WriteError(CaptureError):
    """The disk did not take what was recorded."""

    def __init__(self, folder: Path, why: str) -> None:
        super().__init__(
            f"{folder}: the open episode could not be written: {why}. Make room, then run "
            f"`physai data-pipeline capture recover {folder}`; all whole chunks of it are kept."
        )


class OtherConfigError(CaptureError):
    """The folder holds episodes of another recording config."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder}: its episodes were recorded with another config (see recording.json there). "
            "Record into another folder."
        )


class OutputError(CaptureError):
    """Episodes cannot be recorded to where the config says."""

    def __init__(self, output: str) -> None:
        super().__init__(
            f"{output}: not a folder of this machine. Record into a folder, then send it on with "
            "`physai data-pipeline transfer run`."
        )


class NoFolderError(CaptureError):
    """There is no folder of recordings."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder}: no such folder. Record into it with `physai data-pipeline capture record`.")


class UnavailableError(CaptureError):
    """A source or a trigger needs something that this machine lacks."""

    def __init__(self, what: str, needs: str) -> None:
        super().__init__(f"{what}: needs {needs}.")


class ListenError(CaptureError):
    """A source no longer hears the robot."""

    def __init__(self, source: str, why: str) -> None:
        super().__init__(
            f"source {source}: listening ended: {why}. Record again; what the open episode holds is saved then."
        )


class PlaybackError(CaptureError):
    """A recording cannot be played."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"{path}: cannot be played: {why}. Give a whole MCAP file or rosbag2 folder; "
            "`capture recover` saves what a killed recorder left."
        )


class OtherTypeError(CaptureError):
    """A topic of a recording is not of the type that the config says."""

    def __init__(self, path: Path, topic: str, found: str, asked: str) -> None:
        super().__init__(f"{path}: {topic} is of type {found}, the config says {asked}. Correct the config.")


class RecoverError(CaptureError):
    """A torn recording cannot be saved at the moment."""

    def __init__(self, folder: Path, why: str) -> None:
        super().__init__(
            f"{folder}: a torn recording could not be saved: {why}. "
            "Make room for a second copy of it, then recover again."
        )
