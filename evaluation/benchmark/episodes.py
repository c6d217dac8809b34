"""Episodes per minute in the real simulator, one environment beside 32."""

import subprocess
import sys
import time

from physai.infrastructure.benchmark import Result
from physai.infrastructure.simulation import expert, launch, load_world, play

from ..errors import EvaluationError
from ..sil.conditions import create_conditions

TASK = "Isaac-Reach-UR10"
EPISODES = {1: 12, 32: 256}
"""Environments → episodes played."""


def measure() -> list[Result]:
    """Isaac Lab's expert, so that every episode ends by success; the start of the simulator is not counted."""
    return [
        Result(
            what=f"{TASK}, expert, 32 environments",
            ours=_in_a_process_of_its_own(32),
            unit="episodes/min",
            peer=_in_a_process_of_its_own(1),
            peer_name="1 environment",
        )
    ]


def _in_a_process_of_its_own(envs: int) -> float:
    """A simulator can be started only once in a process."""
    code = f"from {__name__} import rate; print(rate({envs}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if done.returncode:
        raise EvaluationError(f"{TASK} with {envs} environments: {done.stderr.strip().splitlines()[-1]}")
    return float(done.stdout.splitlines()[-1])


def rate(envs: int) -> float:
    """Episodes per minute, after a first step of all environments."""
    count = EPISODES[envs]
    conditions = create_conditions(TASK, load_world("nominal"), episodes=count, seed=1, horizon_s=5.0)
    with launch(TASK, num_envs=envs, world=conditions.world) as env:
        policy = expert(env)
        next(play(env, policy, conditions.conditions[:1], horizon_s=5.0))
        start = time.perf_counter()
        done = list(play(env, policy, conditions.conditions, horizon_s=5.0))
        return len(done) / (time.perf_counter() - start) * 60
