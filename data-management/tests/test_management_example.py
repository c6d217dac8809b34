"""The walk in examples/: from a raw dataset to a policy that was trained on the selection."""

import subprocess
import sys
from pathlib import Path

import numpy as np

from physai.data_management.annotations import Annotations
from physai.infrastructure.datasets import Dataset, DatasetWriter, vector
from physai.infrastructure.robots import load_robot
from physai.infrastructure.tests.datasets_samples import source

EXAMPLE = Path(__file__).parents[1] / "examples" / "worst_first.py"
ROWS, STILL = 24, 12


def session(root):
    """Eight reaches, four seconds of them: the third is jerky, the sixth waits at first."""
    joints = [joint.joint for joint in load_robot("ur10").joints]
    features = {
        "observation.state": vector(joints),
        "observation.environment_state": vector(["x", "y", "z", "qx", "qy", "qz", "qw"]),
        "action": vector(joints),
    }
    rng = np.random.default_rng(0)
    with DatasetWriter(root, fps=30, features=features, robot="ur10", task="Isaac-Reach-UR10") as writer:
        for episode in range(8):
            pose = rng.uniform(-1, 1, 7)
            at = (1 - np.cos(np.linspace(0, np.pi, ROWS + 1))) / 2
            if episode == 5:
                at = np.concatenate([np.zeros(STILL), at])
            path = at[:, None] * np.tile(pose[:3], 2)
            if episode == 2:
                path = path + rng.normal(0, 0.03, path.shape)
            columns = {
                "observation.state": path[:-1].astype(np.float32),
                "observation.environment_state": np.tile(pose, (len(path) - 1, 1)).astype(np.float32),
                "action": path[1:].astype(np.float32),
            }
            writer.add_episode(columns, source=source(episode))
    return root


def test_the_example_goes_from_a_dataset_to_a_policy(tmp_path, monkeypatch):
    monkeypatch.setenv("PHYSAI_HOME", str(tmp_path / "home"))
    root = session(tmp_path / "session")
    words = [sys.executable, EXAMPLE, root, tmp_path / "work", "4"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "episode 2: score" in done.stderr
    assert "episode 5: score" in done.stderr
    assert list((tmp_path / "work/run").rglob("model.safetensors"))
    curated = Dataset(tmp_path / "work/curated")
    dataset = Dataset(tmp_path / "work/dataset")
    assert dataset.num_episodes == 8  # the delete is undone, the trim stays
    assert max(dataset.lengths) <= ROWS + 4
    good = ["good" in marks.labels for marks in Annotations(dataset).all_marks()]
    assert not good[2]
    assert not good[5]
    assert 3 <= sum(good) == curated.num_episodes
    assert len(curated.splits["heldout"]) == round(0.25 * sum(good))
    assert "Fit" in (tmp_path / "work/validation.html").read_text()
