"""Draws conditions from a task's configuration alone, without starting the simulator."""

from ..contracts import Condition, World
from ..settings import settings
from .conditions import draw_condition
from .launcher import _aside, _start_region, prepare
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
    with _aside():
        import isaaclab_tasks  # noqa: F401  registers the tasks
        from isaaclab_tasks.utils import parse_env_cfg, resolve_presets

        cfg = resolve_presets(parse_env_cfg(known.id, device=settings().device, num_envs=1))
    region = _start_region(cfg, known, world)
    joint_names = tuple(cfg.scene.robot.init_state.joint_pos)
    return joint_names, tuple(draw_condition(region, seed, index) for index in range(n))
