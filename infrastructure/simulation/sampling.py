"""Draws conditions from a task's configuration alone, without starting the simulator."""

from ..contracts import Condition, World
from ..settings import settings
from .conditions import draw_condition
from .configuration import load_cfg, start_region
from .launcher import prepare
from .quiet import aside, silence_harmless
from .tasks import find_task


def sample_conditions(task: str, world: World, *, n: int, seed: int) -> tuple[tuple[str, ...], tuple[Condition, ...]]:
    """Joint names in the robot's order, and the same conditions that `TaskEnv.sample_conditions` draws.

    Args:
        task: Isaac Lab's id.
        world: Where the episodes take place.
        n: How many.
        seed: Condition i depends on it and on i alone.

    Raises:
        UnknownTaskError: If we do not know the task.
    """
    known = find_task(task)
    prepare()
    with aside():
        silence_harmless(settings().device)
        region = start_region(load_cfg(known, settings().device, num_envs=1), known, world)
    return tuple(region.default_joint_pos_rad), tuple(draw_condition(region, seed, index) for index in range(n))
