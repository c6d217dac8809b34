"""What the simulator has to offer, as the command line prints it."""

from pathlib import Path
from urllib.parse import urlparse

from ..contracts import Contract, World
from ..settings import settings
from .errors import SimulationError
from .tasks import TASKS
from .worlds import load_world, shipped


class TaskEntry(Contract):
    """A task that can be launched."""

    id: str
    robot: str
    command: str
    """Name of its pose command."""


class TaskList(Contract):
    """All of them."""

    tasks: tuple[TaskEntry, ...]


class WorldList(Contract):
    """The shipped worlds."""

    worlds: tuple[World, ...]


class AuthoredAssets(Contract):
    """What is in the asset root."""

    root: str
    authored: bool
    """False if everything was there already."""
    files: tuple[str, ...]


def list_tasks() -> TaskList:
    """The tasks we know how to drive."""
    return TaskList(
        tasks=tuple(TaskEntry(id=task.id, robot=task.robot, command=task.command) for task in TASKS.values())
    )


def list_worlds() -> WorldList:
    """Every shipped world, read and validated."""
    return WorldList(worlds=tuple(load_world(name) for name in shipped()))


def author_assets() -> AuthoredAssets:
    """Author what the asset root lacks.

    Raises:
        SimulationError: If the asset root is not a folder of this machine.
    """
    from .assets import asset_paths, ensure_assets

    root = settings().asset_root
    assert root is not None, "settings() fills in every default"
    if urlparse(root).scheme not in ("", "file"):
        raise SimulationError(f"{root}: the asset root is a server, which has assets of its own. Nothing to author.")
    folder = Path(urlparse(root).path).absolute()
    return AuthoredAssets(root=str(folder), authored=ensure_assets(folder), files=asset_paths())
