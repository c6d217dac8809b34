"""What can be wrong with a request to the simulator, and how to mend it."""

from collections.abc import Sequence
from difflib import get_close_matches

from ..errors import PhysaiError


class SimulationError(PhysaiError):
    """The simulator cannot do what was asked."""


class UnknownTaskError(SimulationError):
    """A task id that is not registered, or whose robot and command we cannot drive."""

    def __init__(self, task: str, known: Sequence[str]) -> None:
        super().__init__(f"task '{task}' is unknown.{_nearest(task, known)} Known: {', '.join(known)}.")


class UnknownWorldError(SimulationError):
    """Neither the name of a shipped world nor a file."""

    def __init__(self, world: str, known: Sequence[str]) -> None:
        super().__init__(
            f"world '{world}' is neither shipped nor a file.{_nearest(world, known)} "
            f"Known: {', '.join(known)}; or give the path of a JSON file."
        )


class WorldMismatchError(SimulationError):
    """A world speaks of a joint that the robot does not have."""

    def __init__(self, world: str, joint: str, joints: Sequence[str]) -> None:
        super().__init__(
            f"world '{world}': encoder_offset_rad names joint '{joint}', which the robot does not have."
            f"{_nearest(joint, joints)} Its joints: {', '.join(joints)}."
        )


class ConditionError(SimulationError):
    """A condition does not fit the robot or the task's command."""

    def __init__(self, index: int, what: str, got: int, expected: int) -> None:
        super().__init__(
            f"condition {index}: {what} has {got} numbers, the task takes {expected}. "
            "Draw the conditions for this task again."
        )


class JointOrderError(SimulationError):
    """The robot's asset counts its joints otherwise than the task's configuration."""

    def __init__(self, task: str, configured: Sequence[str], found: Sequence[str]) -> None:
        super().__init__(
            f"{task}: the robot's joints are {', '.join(found)}, the task is written for {', '.join(configured)}. "
            "Point PHYSAI_ASSET_ROOT at the assets of this version of Isaac Lab."
        )


class AssetError(SimulationError):
    """An asset that a task needs cannot be had."""

    def __init__(self, root: str, reason: object) -> None:
        super().__init__(
            f"asset root {root}: {reason}. Correct PHYSAI_ASSET_ROOT, or leave it out to use the authored assets."
        )


class DeviceError(SimulationError):
    """There is no such device here."""

    def __init__(self, device: str) -> None:
        super().__init__(f"device '{device}': no CUDA device is found here. Set PHYSAI_DEVICE=cpu.")


def _nearest(word: str, known: Sequence[str]) -> str:
    close = get_close_matches(word, known, n=1)
    return f" Did you mean '{close[0]}'?" if close else ""
