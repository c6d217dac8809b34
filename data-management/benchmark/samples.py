"""Datasets to measure on."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.datasets import DatasetWriter, camera, vector

JOINTS = [f"joint_{number}" for number in range(6)]
FPS = 30
CAMERAS = ("observation.images.top", "observation.images.wrist")
HEIGHT, WIDTH = 480, 640
SEED = 0


def plain(root: Path, episodes: int, rows: int) -> Path:
    """Joints only: 6 of state and 6 of action."""
    motion = np.random.default_rng(SEED)
    with _writer(root, ()) as writer:
        for _ in range(episodes):
            writer.add_episode(_joints(motion, rows))
    return root


def filmed(root: Path, episodes: int, rows: int, cameras: int) -> Path:
    """Joints, and a scene of 640 x 480 with two things that move."""
    motion = np.random.default_rng(SEED)
    with _writer(root, CAMERAS[:cameras]) as writer:
        for episode in range(episodes):
            videos = {name: _scene(rows, episode + 7 * number) for number, name in enumerate(CAMERAS[:cameras])}
            writer.add_episode(_joints(motion, rows), videos)
    return root


def _writer(root: Path, cameras: tuple[str, ...]) -> DatasetWriter:
    features = {"observation.state": vector(JOINTS), "action": vector(JOINTS)}
    features |= {name: camera(HEIGHT, WIDTH) for name in cameras}
    return DatasetWriter(root, fps=FPS, features=features, robot="arm", task="Pick")


def _joints(motion: np.random.Generator, rows: int) -> dict[str, NDArray[np.float32]]:
    speed = motion.normal(size=(rows + 1, len(JOINTS)))
    smooth = np.cumsum(np.apply_along_axis(np.convolve, 0, speed, np.ones(9) / 9, "same"), axis=0)
    joints = (smooth * 0.02).astype(np.float32)
    return {"observation.state": joints[:-1], "action": joints[1:]}


def _scene(rows: int, offset: int) -> NDArray[np.uint8]:
    picture = np.zeros((rows, HEIGHT, WIDTH, 3), np.uint8)
    picture += np.linspace(0, 200, WIDTH, dtype=np.uint8)[None, None, :, None]
    for row in range(rows):
        left = (4 * row + 31 * offset) % (WIDTH - 120)
        picture[row, 180:300, left : left + 120] = (250, 40, 90)
        top = (3 * row + 17 * offset) % (HEIGHT - 80)
        picture[row, top : top + 80, 460:560] = (20, 200, 90)
    return picture
