"""Real Isaac Lab tasks, on CPU or GPU, as vectorised environments that recording, training and evaluation share.

Importing this is cheap; Isaac Lab itself is loaded by `launch`.
"""

from typing import TYPE_CHECKING

from ..control import Policy
from .camera import Camera
from .launcher import launch
from .rollout import Rollout, play
from .tasks import TASKS, Task, find_task
from .worlds import load_world, shipped

if TYPE_CHECKING:
    from .env import TaskEnv


def expert(env: "TaskEnv") -> Policy:
    """A policy that knows the robot exactly and succeeds; demonstrations are recorded from it."""
    from .ik_expert import IkExpert

    return IkExpert(env)


def __getattr__(name: str) -> type:
    if name == "TaskEnv":
        from .env import TaskEnv

        return TaskEnv
    raise AttributeError(name)


__all__ = [
    "TASKS",
    "Camera",
    "Rollout",
    "Task",
    "TaskEnv",
    "expert",
    "find_task",
    "launch",
    "load_world",
    "play",
    "shipped",
]
