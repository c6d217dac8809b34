"""A dataset of a UR10 that goes to a target, small and the same each time: what imitation is measured on."""

from pathlib import Path

import numpy as np

from physai.infrastructure.datasets import DatasetWriter, Feature, camera, vector
from physai.infrastructure.robots import load_robot

POSE = ("x", "y", "z", "qx", "qy", "qz", "qw")
FRONT = "observation.images.front"
EPISODES, ROWS = 6, 20


def write_demonstrations(root: Path, side_px: int = 0) -> Path:
    """Joints that go to the target's x, y, z in a straight line; the last of six episodes is held out.

    Args:
        root: Where the dataset appears.
        side_px: Edge of the camera's picture; 0 for no camera.
    """
    joints = tuple(joint.joint for joint in load_robot("ur10").joints)
    features: dict[str, Feature] = {
        "observation.state": vector(joints),
        "observation.environment_state": vector(POSE),
        "action": vector(joints),
        **({FRONT: camera(side_px, side_px)} if side_px else {}),
    }
    rng = np.random.default_rng(0)
    with DatasetWriter(root, fps=30, features=features, robot="ur10", task="Isaac-Reach-UR10") as writer:
        for _ in range(EPISODES):
            pose = rng.uniform(-1, 1, 7)
            path = np.linspace(0, 1, ROWS + 1)[:, None] * np.tile(pose[:3], 2) + rng.uniform(-0.1, 0.1, 6)
            columns = {
                "observation.state": path[:-1].astype(np.float32),
                "observation.environment_state": np.tile(pose, (ROWS, 1)).astype(np.float32),
                "action": path[1:].astype(np.float32),
            }
            frames = rng.integers(0, 255, (ROWS, side_px, side_px, 3), dtype=np.uint8)
            writer.add_episode(columns, {FRONT: frames} if side_px else {})
        writer.splits = {"train": EPISODES - 1, "heldout": 1}
    return root
