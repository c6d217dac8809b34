"""A policy's rollouts as a LeRobot v3.0 dataset, to look at and to learn from."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from physai.infrastructure.contracts import ConditionSet, Digest, EpisodeSource
from physai.infrastructure.datasets import DatasetWriter, Feature, vector
from physai.infrastructure.simulation import Rollout

if TYPE_CHECKING:
    from physai.infrastructure.simulation import TaskEnv

STATE, TARGET, ACTION = "observation.state", "observation.environment_state", "action"
POSE = ("x", "y", "z", "qx", "qy", "qz", "qw")
FLAG = Feature(dtype="bool", shape=(1,))


def write_rollouts(
    root: Path, rollouts: Sequence[Rollout], env: "TaskEnv", conditions: ConditionSet, package: Digest
) -> None:
    """Write one episode per rollout; the provenance names condition, outcome and package.

    Args:
        root: Where the dataset appears, whole.
        rollouts: In the order of the conditions.
        env: Gives names and rate.
        conditions: What was played.
        package: Who played.
    """
    features = {
        STATE: vector(env.joint_names),
        TARGET: vector(POSE),
        ACTION: vector(env.joint_names),
        "next.done": FLAG,
        "next.success": FLAG,
    }
    fps = round(env.rate_hz)
    with DatasetWriter(root, fps=fps, features=features, robot=env.robot, task=conditions.task) as writer:
        for index, rollout in enumerate(rollouts):
            last = np.arange(len(rollout.actions)) == len(rollout.actions) - 1
            columns = {
                STATE: rollout.observations[STATE],
                TARGET: rollout.observations[TARGET],
                ACTION: rollout.actions,
                "next.done": last,
                "next.success": last & rollout.success,
            }
            source = source_of(index, rollout.condition, conditions, package, success=rollout.success)
            writer.add_episode(columns, source=source)


def source_of(
    episode: int, condition: int, conditions: ConditionSet, package: Digest, *, success: bool
) -> EpisodeSource:
    """Where an episode of the dataset comes from."""
    return EpisodeSource(
        episode=episode,
        source=conditions.digest,
        source_episode=condition,
        generator=package,
        world=conditions.world.name,
        seed=conditions.seed,
        outcome="success" if success else "failure",
    )
