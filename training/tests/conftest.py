"""Tiny datasets whose every value is known, and a home of their own."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from physai.infrastructure.datasets import DatasetWriter, Feature, camera, vector
from physai.infrastructure.robots import load_robot
from physai.infrastructure.settings import settings

JOINTS = tuple(joint.joint for joint in load_robot("ur10").joints)
POSE = ("x", "y", "z", "qx", "qy", "qz", "qw")
EPISODES, ROWS, SIDE = 6, 20, 32
FRONT = "observation.images.front"


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One place for MLflow, since creating its database takes seconds."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def _settings(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PHYSAI_HOME", str(home))
    settings.cache_clear()
    yield
    settings.cache_clear()


def write_dataset(
    root: Path,
    *,
    cameras: bool = False,
    leave_out: str | None = None,
    split: bool = True,
    seed: int = 0,
    joints: tuple[str, ...] = JOINTS,
    robot: str = "ur10",
) -> Path:
    """Joints that go to the target's x, y, z in a straight line; six episodes, the last two held out."""
    features: dict[str, Feature] = {
        "observation.state": vector(joints),
        "observation.environment_state": vector(POSE),
        "action": vector(joints),
    }
    if cameras:
        features[FRONT] = camera(SIDE, SIDE)
    features.pop(leave_out or "", None)
    rng = np.random.default_rng(seed)
    with DatasetWriter(root, fps=30, features=features, robot=robot, task="Isaac-Reach-UR10") as writer:
        for _ in range(EPISODES):
            pose = rng.uniform(-1, 1, 7)
            path = np.linspace(0, 1, ROWS + 1)[:, None] * np.tile(pose[:3], 2) + rng.uniform(-0.1, 0.1, 6)
            columns = {
                "observation.state": path[:-1].astype(np.float32),
                "observation.environment_state": np.tile(pose, (ROWS, 1)).astype(np.float32),
                "action": path[1:].astype(np.float32),
            }
            columns.pop(leave_out or "", None)
            frames = rng.integers(0, 255, (ROWS, SIDE, SIDE, 3), dtype=np.uint8)
            writer.add_episode(columns, {FRONT: frames} if cameras else {})
        if split:
            writer.splits = {"train": 4, "heldout": 2}
    return root


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """State and target pose."""
    return write_dataset(tmp_path_factory.mktemp("data") / "dataset")


@pytest.fixture(scope="session")
def camera_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a camera."""
    return write_dataset(tmp_path_factory.mktemp("data") / "camera", cameras=True)


@pytest.fixture
def run_python() -> Callable[[str], str]:
    """Run code in a process of its own; what it prints."""

    def run(code: str) -> str:
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()

    return run
