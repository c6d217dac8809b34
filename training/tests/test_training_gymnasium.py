"""A policy plays an environment of Gymnasium while it is trained; one that does not fit is refused by name."""

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from physai.infrastructure.contracts import digest_file
from physai.infrastructure.datasets import DatasetWriter, vector
from physai.training.errors import GymnasiumTaskError, TaskMismatchError
from physai.training.il.recipe import Recipe
from physai.training.il.train import train
from physai.training.run import find_checkpoint

from .conftest import JOINTS, POSE
from .gymnasium_arm import ENDLESS, LEARNABLE

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
)  # inside LeRobot, Gymnasium and MLflow
MODULE = "physai.training.tests.gymnasium_arm"
TASK = f"{MODULE}:{LEARNABLE}"
WEIGHTS = "checkpoints/000300/pretrained_model/model.safetensors"
RECIPE = Recipe(
    steps=300, batch_size=32, dim=32, chunk=8, action_steps=4, check_task=TASK, check_every=150, check_episodes=20
)


def record(root: Path, fps: int = 30) -> Path:
    """Thirty episodes straight to the target, and five that are held out."""
    env = gymnasium.make(TASK)
    features = {
        "observation.state": vector(JOINTS),
        "observation.environment_state": vector(POSE),
        "action": vector(JOINTS),
    }
    with DatasetWriter(root, fps=fps, features=features, robot="arm", task="Arm") as writer:
        for episode in range(35):
            seen, _ = env.reset(seed=episode)
            rows: list[tuple[Any, ...]] = []
            for _ in range(12):
                joints, target = seen["agent_pos"], np.tile(seen["environment_state"][:3], 2)
                action = joints + np.clip(target - joints, -0.2, 0.2)
                rows.append((joints, seen["environment_state"], action))
                seen = env.unwrapped.step(action)[0]
            columns = (np.array(column, dtype=np.float32) for column in zip(*rows, strict=True))
            writer.add_episode(dict(zip(features, columns, strict=True)), {})
        writer.splits = {"train": 30, "heldout": 5}
    return root


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(tmp_path_factory.mktemp("arm") / "data")


def test_a_policy_learns_to_succeed_in_an_environment_of_gymnasium(data: Path, tmp_path: Path) -> None:
    summary = train(data, RECIPE, tmp_path / "run")
    assert summary.checked_steps == (150, 300)
    assert summary.success[-1].episodes == 20
    assert max(rate.value for rate in summary.success) >= 0.9, summary.success
    assert find_checkpoint(tmp_path / "run", "best")[1] == summary.best_step
    train(data, RECIPE.model_copy(update={"check_task": None}), tmp_path / "unchecked")
    assert digest_file(tmp_path / "run" / WEIGHTS) == digest_file(tmp_path / "unchecked" / WEIGHTS)


@pytest.mark.parametrize(
    ("task", "options", "why"),
    [
        ("physai_tests/Leg-v0", {}, r"physai_tests/Leg-v0: cannot be made \(.*Leg"),
        ("no_such_module:No/Task-v0", {}, r"cannot be made \(.*no_such_module"),
        (TASK, {"wings": 2}, r"cannot be made \(.*unexpected keyword argument 'wings'"),
        (TASK, {"joints": -1}, r"cannot be made \(.+\)"),
        (f"{MODULE}:{ENDLESS}", {}, "is registered without `max_episode_steps`"),
        ("gymnasium.envs:CartPole-v1", {}, "does not give its observation as `agent_pos`"),
        (TASK, {"mute": True}, "does not tell `is_success` in its info"),
    ],
)
def test_an_environment_that_cannot_be_played_is_named(
    data: Path, tmp_path: Path, task: str, options: dict[str, Any], why: str
) -> None:
    recipe = RECIPE.model_copy(update={"steps": 1, "check_task": task, "check_options": options})
    with pytest.raises(GymnasiumTaskError, match=why):
        train(data, recipe, tmp_path / "run")


def test_an_environment_that_measures_commands_or_runs_otherwise_is_named(data: Path, tmp_path: Path) -> None:
    seven = RECIPE.model_copy(update={"check_options": {"joints": 7}})
    with pytest.raises(TaskMismatchError, match=r"feature 'observation\.state' is \(7,\), that of .* is \(6,\)"):
        train(data, seven, tmp_path / "run")
    slow = record(tmp_path / "slow", fps=10)
    with pytest.raises(TaskMismatchError, match=r"its rate is 30 Hz, that of .* is 10 Hz"):
        train(slow, RECIPE, tmp_path / "run")
    assert not (tmp_path / "run/run.json").exists()
