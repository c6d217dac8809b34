"""Small real datasets for tests."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.contracts import EpisodeSource, digest_bytes
from physai.infrastructure.datasets import DatasetWriter, Feature, camera, depth_camera, vector

JOINTS = ["shoulder", "elbow", "wrist"]
STATE_FEATURES = {"observation.state": vector(JOINTS), "action": vector(JOINTS)}
CAMERA = "observation.images.top"
DEPTH = "observation.images.depth"
FPS = 20


def columns(rows: int, seed: int = 0) -> dict[str, NDArray[Any]]:
    """Joints on sine waves; the command is one row ahead."""
    phase = np.arange(rows + 1)[:, None] / 20 + np.array([0.0, 0.5, 1.0]) + seed
    joints = np.sin(phase).astype(np.float32)
    return {"observation.state": joints[:-1], "action": joints[1:]}


def frames(rows: int, seed: int = 0, size: int = 64) -> NDArray[np.uint8]:
    """A bright square that moves over a gradient."""
    pictures = np.empty((rows, size, size, 3), np.uint8)
    pictures[:] = np.linspace(0, 200, size, dtype=np.uint8)[None, None, :, None]
    for row in range(rows):
        left = (3 * row + 5 * seed) % (size - 16)
        pictures[row, 20:36, left : left + 16] = (250, 40, 90)
    return pictures


def distances(rows: int, seed: int = 0) -> NDArray[np.uint16]:
    """A slope of 0.5 to 6 m in mm with a hole that moves, in which nothing was measured; shape (rows, 48, 64, 1)."""
    images = np.repeat(np.linspace(500, 6000, 48 * 64).astype(np.uint16).reshape(1, 48, 64, 1), rows, axis=0)
    for row in range(rows):
        left = (3 * row + 5 * seed) % 48
        images[row, 20:36, left : left + 16] = 0
    return images


def source(seed: int = 0, **changes: Any) -> EpisodeSource:
    """A raw recording of its own per seed."""
    facts: dict[str, Any] = {
        "episode": 0,
        "source": digest_bytes(f"recording {seed}".encode()),
        "generator": "expert",
        "world": "nominal",
        "seed": seed,
        "outcome": "success",
    }
    return EpisodeSource(**{**facts, **changes})


def write(
    root: Path,
    lengths: list[int],
    *,
    cameras: bool = False,
    depth: bool = False,
    first_seed: int = 0,
    fps: int = FPS,
    **changes: Any,
) -> Path:
    """A dataset with one episode per length, each with its own recording; `changes` go into every source."""
    features: dict[str, Feature] = {**STATE_FEATURES, **({CAMERA: camera(64, 64)} if cameras else {})}
    features |= {DEPTH: depth_camera(48, 64, "mm")} if depth else {}
    with DatasetWriter(root, fps=fps, features=features, robot="arm", task="Reach") as writer:
        for seed, rows in enumerate(lengths, start=first_seed):
            videos: dict[str, NDArray[Any]] = {CAMERA: frames(rows, seed)} if cameras else {}
            videos |= {DEPTH: distances(rows, seed)} if depth else {}
            writer.add_episode(columns(rows, seed), videos, source=source(seed, **changes))
    return root
