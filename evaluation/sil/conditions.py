"""Condition sets: drawn once, stored, and met by every policy alike."""

from physai.infrastructure.contracts import ConditionSet, PolicyPackage, World
from physai.infrastructure.fit import MisfitError
from physai.infrastructure.simulation.sampling import sample_conditions

from ..errors import TaskError

PREFIX = "gymnasium:"


def is_gymnasium(task: str) -> bool:
    """Whether a task names a Gymnasium environment."""
    return task.startswith(PREFIX)


def create_conditions(
    task: str, world: World, *, episodes: int, seed: int, horizon_s: float, success: str | None = None
) -> ConditionSet:
    """Draw the conditions of `episodes` episodes; no simulator is started.

    Args:
        task: Isaac Lab's id, or `gymnasium:` and Gymnasium's.
        world: Where the episodes take place; of Gymnasium's environments only the nominal one.
        episodes: How many; more of them change none of the first.
        seed: Of the draw.
        horizon_s: Time after which an episode has failed.
        success: Rule that says what success is in a Gymnasium environment; Isaac Lab's tasks have their own term.

    Raises:
        TaskError: If a rule is missing, or one is given where the task has its own.
    """
    if is_gymnasium(task):
        if world != World(name="nominal"):
            raise TaskError(task, f"world '{world.name}' changes a robot that is not there", "Leave --world out.")
        from .gym_env import draw_conditions

        return draw_conditions(task, success=success, episodes=episodes, seed=seed, horizon_s=horizon_s)
    if success is not None:
        raise TaskError(task, "has its own success term", "Leave --success out.")
    joint_names, conditions = sample_conditions(task, world, n=episodes, seed=seed)
    return ConditionSet(
        task=task,
        world=world,
        seed=seed,
        horizon_s=horizon_s,
        joint_names=joint_names,
        conditions=conditions,
    )


def check_conditions(role: str, package: PolicyPackage, conditions: ConditionSet) -> None:
    """What can be told of a package before a simulator is started.

    Raises:
        MisfitError: If it was made for another task, or for joints in another order.
    """
    if package.task != conditions.task:
        raise MisfitError(role, "task", package.task, conditions.task)
    joints = package.outputs[0].elements
    if is_gymnasium(conditions.task):
        return  # its elements have no names; their number is checked against the environment's spaces
    if joints != conditions.joint_names:
        raise MisfitError(role, "joint order", joints, conditions.joint_names)
