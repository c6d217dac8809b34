"""Rollouts whose every number is known."""

import numpy as np

from physai.data_pipeline.capture.episode import Source
from physai.infrastructure.simulation import Rollout

JOINTS = ("shoulder", "elbow")


def source(camera: str | None = "front") -> Source:
    return Source(
        task="Reach",
        robot="arm",
        world="nominal",
        generator="expert",
        seed=7,
        rate_hz=30.0,
        joint_names=JOINTS,
        camera=camera,
    )


def rollout(rows: int = 4, *, success: bool = True, images: bool = True) -> Rollout:
    """Row t: joints (t, t + ½), velocities ten times that, actions t + 1, target x = ¼, pictures of brightness 20 t."""
    t = np.arange(rows, dtype=np.float32)
    joints = np.stack([t, t + np.float32(0.5)], axis=1)
    pose = np.tile(np.array([0.25, -0.5, 0.75, 0, 0.6, 0, 0.8], np.float32), (rows, 1))
    pictures = np.repeat((20 * t).astype(np.uint8), 64 * 64 * 3).reshape(rows, 64, 64, 3)
    return Rollout(
        condition=0,
        success=success,
        steps=max(1, rows - 1) if success else rows,
        observations={"observation.state": joints, "observation.environment_state": pose},
        joint_vel=10 * joints,
        actions=joints + 1,
        images=pictures if images else None,
        final_error_m=0.01,
        env=0,
    )
