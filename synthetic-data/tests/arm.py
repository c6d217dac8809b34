"""A small dataset of the loop's robot: its own shapes, painted over a plain scene, without a simulator."""

from pathlib import Path

import numpy as np

from physai.infrastructure.contracts import View
from physai.infrastructure.datasets import DatasetWriter, camera, vector
from physai.infrastructure.tests.datasets_samples import source
from physai.synthetic_data.scene import EMPTY, OBJECT, link_poses, robot_model, simulated_scene
from physai.synthetic_data.silhouette import draw_episode

CAMERA = "observation.images.front"
SIDE = "observation.images.side"
SIZE = 64
START = np.array([0.0, -1.7, 1.7, -1.7, -1.6, 0.0])
GOAL = np.array([-0.5, -1.2, 1.9, -2.3, -1.57, -0.3])
MODEL = robot_model("ur10")
SCENE = simulated_scene()
VIEWS = SCENE.views | {SIDE: View(eye_m=(1.3, -1.3, 0.9), look_at_m=(0.3, 0.0, 0.3), field_of_view_deg=45.0)}
TWO_VIEWS = SCENE.model_copy(update={"views": VIEWS})


def joints(rows, seed=0):
    """From the start towards a goal of its own, and a rest of a quarter."""
    goal = GOAL + np.random.default_rng(seed).uniform(-0.3, 0.3, 6) * [2, 1, 1, 1, 1, 1]
    share = np.clip(np.linspace(0, 4 / 3, rows), 0, 1)
    smooth = share**3 * (10 - 15 * share + 6 * share**2)  # minimum jerk
    return (START + smooth[:, None] * (goal - START)).astype(np.float32)


def centres(rows, seed=0):
    """The target stands where the tool will be."""
    tool = link_poses(MODEL.links, joints(rows, seed)[-1].astype(float))[-1, :3, 3]
    return np.repeat(tool[None, None], rows, axis=0)


def frames(rows, seed=0, at=None, camera=CAMERA):
    """Floor and wall, each link in its own grey, the target in orange, a little noise."""
    poses = (joints(rows, seed) if at is None else at).astype(float)
    parts = draw_episode(MODEL, poses, VIEWS[camera], (SIZE, SIZE), SCENE, centres(rows, seed))
    pictures = np.full((rows, SIZE, SIZE, 3), (120, 120, 140), np.float64)
    pictures[:, SIZE // 2 :] = (150, 130, 110)
    for link in range(len(MODEL.links)):
        pictures[parts == link] = (215 - 7 * link, 220 - 7 * link, 225 - 7 * link)
    pictures[parts == OBJECT] = (230, 80, 30)
    noise = np.random.default_rng(seed).normal(0, 1, pictures.shape)
    return np.clip(pictures + noise, 0, 255).astype(np.uint8)


def shown(rows, seed=0):
    """What each pixel shows."""
    return draw_episode(
        MODEL, joints(rows, seed).astype(float), SCENE.views[CAMERA], (SIZE, SIZE), SCENE, centres(rows, seed)
    )


def write(root: Path, lengths, *, heldout=0, cameras=(CAMERA,)) -> Path:
    """A dataset with one episode per length, the last ones held out."""
    names = list(MODEL.joints)
    pose = ["x", "y", "z", "qx", "qy", "qz", "qw"]
    features = {
        "observation.state": vector(names),
        "observation.environment_state": vector(pose),
        "action": vector(names),
        **{name: camera(SIZE, SIZE) for name in cameras},
    }
    with DatasetWriter(root, fps=30, features=features, robot="ur10", task="Reach") as writer:
        for seed, rows in enumerate(lengths):
            state = joints(rows, seed)
            target = np.concatenate([centres(rows, seed)[:, 0], np.tile([0, 0, 0, 1], (rows, 1))], axis=1)
            columns = {
                "observation.state": state,
                "observation.environment_state": target.astype(np.float32),
                "action": np.concatenate([state[1:], state[-1:]]),
            }
            writer.add_episode(
                columns, {name: frames(rows, seed, camera=name) for name in cameras}, source=source(seed)
            )
        writer.splits = {"train": len(lengths) - heldout, "heldout": heldout}
    return root


__all__ = [
    "CAMERA",
    "EMPTY",
    "MODEL",
    "SCENE",
    "SIDE",
    "SIZE",
    "TWO_VIEWS",
    "VIEWS",
    "centres",
    "frames",
    "joints",
    "shown",
    "write",
]
