"""Run by `test_simulation_env.py` in a process of its own: one launch of Isaac Lab, many measurements, told as JSON."""

import json
import sys
from typing import Any

import numpy as np

from physai.infrastructure.contracts import Condition, World
from physai.infrastructure.simulation import Camera, TaskEnv, expert, launch, play
from physai.infrastructure.simulation.errors import ConditionError, SimulationError
from physai.infrastructure.simulation.sampling import sample_conditions

TASK = "Isaac-Reach-UR10"
WORLD = World(name="slipped", encoder_offset_rad={"elbow_joint": 0.25})
NUM_ENVS = 4
HALF = 0.5**0.5
STRETCHED = Condition(joint_pos_rad=(0.0,) * 6, command=(1.1843, 0.256141, 0.0116, HALF, HALF, 0.0, 0.0))
"""All joints at zero, and asked for that same pose: the published lengths, turned twice by 90° about y, then about z.

Half a turn about y is the quaternion (0, 1, 0, 0), a quarter about z (0, 0, √½, √½); their product is (√½, √½, 0, 0).
"""


def main() -> None:
    """Measure, and print one JSON object."""
    facts: dict[str, Any] = {}
    drawn = sample_conditions(TASK, WORLD, n=3, seed=5)
    with launch(TASK, num_envs=NUM_ENVS, world=WORLD, camera=Camera(width=64, height=64)) as env:
        facts["robot"] = [env.robot, env.rate_hz, env.horizon_s, env.joint_names, env.units]
        facts["limits"] = [(limit.lower_rad, limit.upper_rad) for limit in env.joint_limits]
        facts["same_draw"] = drawn == (env.joint_names, env.sample_conditions(3, 5))
        facts |= stretched(env) | apart(env) | pictures(env) | refused(env)
        facts |= experts(env)
    json.dump(facts, sys.stdout)


def stretched(env: TaskEnv) -> dict[str, Any]:
    """The arm put to its zero pose, and asked for that pose."""
    everyone = np.arange(NUM_ENVS)
    env.begin(everyone, [STRETCHED] * NUM_ENVS)
    seen = env.observe()
    error_m = env.error_m()
    success = env.step(seen["observation.state"] * 0)
    return {
        "zero_error_m": float(error_m.max()),
        "zero_state": seen["observation.state"][0].tolist(),
        "zero_target": seen["observation.environment_state"][0].tolist(),
        "zero_success": success.tolist(),
    }


def apart(env: TaskEnv) -> dict[str, Any]:
    """Beginning an episode in one environment, while the others go on."""
    conditions = env.sample_conditions(NUM_ENVS, 0)
    env.begin(np.arange(NUM_ENVS), conditions)
    hold = env.observe()["observation.state"]
    for _ in range(5):
        env.step(hold)
    before, moving = env.observe(), env.joint_vel()
    env.begin(np.array([2]), [conditions[0]])
    after, still = env.observe(), env.joint_vel()
    others = [0, 1, 3]
    return {
        "others_undisturbed": all(np.array_equal(before[name][others], after[name][others]) for name in before),
        "others_still_move": bool(np.array_equal(moving[others], still[others]) and np.abs(moving[others]).max() > 0),
        "begun_at_rest": float(np.abs(still[2]).max()),
        "begun_state": (after["observation.state"][2] - np.array(conditions[0].joint_pos_rad)).tolist(),
        "begun_target": after["observation.environment_state"][2].tolist(),
        "asked_target": list(conditions[0].command),
    }


def pictures(env: TaskEnv) -> dict[str, Any]:
    """Two pictures that differ in the target alone."""
    near = Condition(joint_pos_rad=STRETCHED.joint_pos_rad, command=(0.4, 0.3, 0.4, 0.0, 0.0, 0.0, 1.0))
    far = near.model_copy(update={"command": (0.6, -0.1, 0.2, 0.0, 0.0, 0.0, 1.0)})
    env.begin(np.arange(NUM_ENVS), [near, far, near, far])
    images = env.images().astype(int)
    orange = (images[..., 0] - images[..., 2] > 90).sum(axis=(1, 2))
    return {
        "image_shape": images.shape,
        "image_key": env.image_key,
        "same_scene_differs_by": int(np.abs(images[0] - images[2]).max()),
        "moved_marker_differs_by": int(np.abs(images[0] - images[1]).max()),
        "orange_pixels": orange.tolist(),
    }


def refused(env: TaskEnv) -> dict[str, Any]:
    """What is wrong with an action or a condition is told."""
    said = []
    action = np.zeros((NUM_ENVS, 6), np.float32)
    action[2, 1] = np.nan
    for attempt in (
        lambda: env.step(action),
        lambda: env.begin(np.array([0]), [STRETCHED.model_copy(update={"joint_pos_rad": (0.0,)})]),
    ):
        try:
            attempt()
        except (SimulationError, ConditionError) as error:
            said.append(str(error))
    return {"refusals": said}


def experts(env: TaskEnv) -> dict[str, Any]:
    """The expert plays the same conditions twice, replayed from the recording, and once step by step."""
    from isaaclab_newton.physics.mjwarp_manager import NewtonMJWarpManager
    from isaaclab_newton.physics.newton_manager import NewtonManager

    conditions = env.sample_conditions(10, 0)

    def run() -> list[Any]:
        rollouts = play(env, expert(env), conditions, horizon_s=4.0, tail_steps=10)
        return sorted(rollouts, key=lambda rollout: rollout.condition)

    first, again = run(), run()
    replayed = NewtonMJWarpManager._simulate_physics_only
    NewtonMJWarpManager._simulate_physics_only = NewtonManager.__dict__["_simulate_physics_only"]
    eager = run()
    NewtonMJWarpManager._simulate_physics_only = replayed

    def equal(one: list[Any], other: list[Any]) -> bool:
        return all(np.array_equal(a.actions, b.actions) for a, b in zip(one, other, strict=True))

    return {
        "success": [rollout.success for rollout in first],
        "steps": [rollout.steps for rollout in first],
        "final_error_m": max(rollout.final_error_m for rollout in first),
        "repeats": equal(first, again),
        "replay_equals_eager": equal(first, eager),
        "replay_is_used": replayed is not NewtonManager.__dict__["_simulate_physics_only"],
    }


if __name__ == "__main__":
    main()
