"""Isaac Lab's tasks and their agents, from its registry; no simulator is started."""

from importlib.metadata import entry_points
from typing import Any

from physai.infrastructure.simulation.launcher import prepare

from ..errors import UnknownAgentError, UnknownTaskError
from .recipe import Library
from .run import Listed, TaskList

ENTRY_POINT = "_cfg_entry_point"


def specs() -> dict[str, Any]:
    """Gymnasium's specs of all tasks that one of our libraries has an agent for, by id."""
    prepare()
    import gymnasium
    import isaaclab_tasks  # noqa: F401  registers them

    for package in entry_points(group="isaaclab.tasks"):  # as Isaac Lab finds tasks of others
        package.load()
    found = {name: spec for name, spec in gymnasium.registry.items() if agents(spec)}
    return dict(sorted(found.items()))


def agents(spec: Any) -> tuple[str, ...]:
    """Agent configurations of a task for our libraries, the usual one of each library first."""
    names = [name for name in spec.kwargs or {} if name.endswith(ENTRY_POINT)]
    ours = [name for name in names if any(name.startswith(f"{library}_") for library in Library)]
    return tuple(sorted(ours, key=lambda name: (name not in {f"{library}{ENTRY_POINT}" for library in Library}, name)))


def libraries(spec: Any) -> tuple[str, ...]:
    """Libraries that a task has an agent for."""
    return tuple(library for library in Library if any(name.startswith(f"{library}_") for name in agents(spec)))


def list_tasks(match: str = "") -> TaskList:
    """Every task whose id has this in it, upper or lower case."""
    return TaskList(
        tasks=tuple(
            Listed(task=name, libraries=libraries(spec), agents=agents(spec))
            for name, spec in specs().items()
            if match.lower() in name.lower()
        )
    )


def check_task(task: str, library: Library, agent: str | None) -> None:
    """Refuse what Isaac Lab does not have, before anything is started.

    Raises:
        UnknownTaskError: If there is no such task.
        UnknownAgentError: If the task has no such agent.
    """
    known = specs()
    if task not in known:
        raise UnknownTaskError(task, known)
    wanted = agent or f"{library}{ENTRY_POINT}"
    of_library = [name for name in agents(known[task]) if name.startswith(f"{library}_")]
    if wanted not in of_library:
        raise UnknownAgentError(task, wanted, of_library, libraries(known[task]))
