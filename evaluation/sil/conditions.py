"""Condition sets: drawn once, stored, and met by every policy alike."""

from physai.infrastructure.contracts import ConditionSet, PolicyPackage, World
from physai.infrastructure.fit import MisfitError
from physai.infrastructure.simulation.sampling import sample_conditions


def create_conditions(task: str, world: World, *, episodes: int, seed: int, horizon_s: float) -> ConditionSet:
    """Draw the conditions of `episodes` episodes; no simulator is started.

    Args:
        task: Isaac Lab's id.
        world: Where the episodes take place.
        episodes: How many; more of them change none of the first.
        seed: Of the draw.
        horizon_s: Time after which an episode has failed.
    """
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
    if joints != conditions.joint_names:
        raise MisfitError(role, "joint order", joints, conditions.joint_names)
