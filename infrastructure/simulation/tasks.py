"""The Isaac Lab tasks that can be recorded, evaluated and operated: their ids and what their robots are called."""

from dataclasses import dataclass

from .errors import UnknownTaskError


@dataclass(frozen=True)
class Task:
    """An official task that asks a robot arm for a pose, and is driven by joint position targets."""

    id: str
    """Isaac Lab's id."""
    robot: str
    command: str
    """Name of the task's pose command."""
    action: str
    """Name of the task's joint position action."""
    success: str
    """Name of the task's success termination."""
    posture_rad: tuple[float, ...]
    """Joint angles the expert's search starts from; they choose elbow up or down, and how the wrist is turned."""


_UR10_REACH = Task(
    id="Isaac-Reach-UR10",
    robot="ur10",
    command="ee_pose",
    action="arm_action",
    success="success",
    posture_rad=(-0.3, -1.2, 1.9, -2.3, -1.57, -0.3),  # elbow up, tool down, and yaw 0 in mid-range of the last joint
)

TASKS = {task.id: task for task in (_UR10_REACH,)}


def find_task(task: str) -> Task:
    """The task of that id.

    Raises:
        UnknownTaskError: If we do not know how to drive it.
    """
    if task not in TASKS:
        raise UnknownTaskError(task, tuple(TASKS))
    return TASKS[task]
