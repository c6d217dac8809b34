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


TASKS = {task.id: task for task in (Task("Isaac-Reach-UR10", "ur10", "ee_pose", "arm_action", "success"),)}


def find_task(task: str) -> Task:
    """The task of that id.

    Raises:
        UnknownTaskError: If we do not know how to drive it.
    """
    if task not in TASKS:
        raise UnknownTaskError(task, tuple(TASKS))
    return TASKS[task]
