"""Physics on the CPU, replayed from a recording of its kernel launches, as Isaac Lab does with CUDA graphs on a GPU.

A control step of `Isaac-Reach-UR10` launches about a thousand small kernels, and on a CPU Python's part in launching
them is nearly all of its cost: 35 ms for 32 environments, but 4 ms when replayed, with results equal to the last bit.
Warp can record on a CPU since 1.12; Isaac Lab 3.0 asks for it on CUDA devices only.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import warp as wp
from isaaclab_newton.physics import MJWarpSolverCfg, NewtonCfg
from isaaclab_newton.physics.mjwarp_manager import NewtonMJWarpManager


def can_replay(physics: Any) -> bool:
    """Whether every physics step launches the same kernels with the same arguments.

    The solver exchanges data with the model every `update_data_interval` substeps, counted in Python: a recording of
    one step stands for all of them only if that count comes round within a step.
    """
    if not isinstance(physics, NewtonCfg) or not isinstance(physics.solver_cfg, MJWarpSolverCfg):
        return False
    interval = physics.solver_cfg.update_data_interval or 1
    return not physics.solver_cfg.use_mujoco_cpu and physics.num_substeps % interval == 0


@contextmanager
def replayed_physics() -> Iterator[None]:
    """Record one physics step of the running simulation, and replay it from here on. Nothing moves meanwhile."""
    eager = NewtonMJWarpManager.__dict__.get("_simulate_physics_only")
    with wp.ScopedCapture(device="cpu") as capture:
        NewtonMJWarpManager._simulate_physics_only()
    NewtonMJWarpManager._simulate_physics_only = staticmethod(lambda: wp.capture_launch(capture.graph))
    try:
        yield
    finally:
        if eager is None:
            del NewtonMJWarpManager._simulate_physics_only
        else:
            NewtonMJWarpManager._simulate_physics_only = eager
