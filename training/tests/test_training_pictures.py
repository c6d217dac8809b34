"""A policy with a camera plays its task while it is trained, and sees there what it was trained on.

The task stands in for Isaac Lab's, so that learning it takes seconds: one joint goes to where a colour tells. The real
simulator is in `test_training_closed_loop.py`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from physai.infrastructure.contracts import Condition
from physai.infrastructure.control import Observation
from physai.infrastructure.datasets import DatasetWriter, camera, vector
from physai.infrastructure.simulation import Camera, play
from physai.training.errors import TaskMismatchError
from physai.training.il import closed_loop
from physai.training.il.player import SEED
from physai.training.il.recipe import Recipe
from physai.training.il.train import train
from physai.training.run import find_checkpoint

from .conftest import FRONT, JOINTS, POSE, SIDE
from .pictures import first_batches, largest_mean_difference

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
)  # inside LeRobot and MLflow
TASK, EPISODES, RED, BLUE = "Isaac-Reach-UR10", 8, 0, 2
SMALL: dict[str, Any] = {"batch_size": 8, "dim": 16, "chunk": 8, "action_steps": 4, "check_episodes": EPISODES}


class Lamp:
    """A task of `EPISODES` robots: red means that the first joint goes to +1 rad, blue to -1 rad."""

    task, robot, rate_hz, horizon_s = TASK, "ur10", 30.0, 0.7
    joint_names, units, joint_limits = JOINTS, ("rad",) * 6, ()
    num_envs, image_key = EPISODES, FRONT

    def __init__(self) -> None:
        self.camera = Camera(width=SIDE, height=SIDE)
        self.joints = np.zeros((EPISODES, 6), np.float32)
        self.target = np.zeros((EPISODES, 7), np.float32)

    def sample_conditions(self, n: int, _seed: int) -> tuple[Condition, ...]:
        sides = np.resize((-1.0, 1.0), n)
        return tuple(Condition(joint_pos_rad=(0.0,) * 6, command=(float(side), *(0.0,) * 6)) for side in sides)

    def begin(self, envs: NDArray[np.intp], conditions: list[Condition]) -> None:
        self.joints[envs] = [condition.joint_pos_rad for condition in conditions]
        self.target[envs] = [condition.command for condition in conditions]

    def observe(self) -> Observation:
        return {closed_loop.STATE: self.joints.copy(), "observation.environment_state": self.target.copy()}

    def joint_vel(self) -> NDArray[np.float32]:
        return np.zeros_like(self.joints)

    def images(self) -> NDArray[np.uint8]:
        pictures = np.zeros((EPISODES, SIDE, SIDE, 3), np.uint8)
        pictures[self.target[:, 0] > 0, ..., RED] = 230
        pictures[self.target[:, 0] < 0, ..., BLUE] = 230
        return pictures

    def step(self, action: NDArray[np.float32]) -> NDArray[np.bool_]:
        self.joints = action.copy()
        return np.abs(self.joints[:, 0] - self.target[:, 0]) < 0.5

    def error_m(self) -> NDArray[np.float32]:
        return np.zeros(EPISODES, np.float32)


class Knowing:
    """The expert, who is told the target."""

    def reset(self, envs: NDArray[np.intp]) -> None:
        """There is nothing to forget."""

    def act(self, observation: Observation) -> NDArray[np.float32]:
        state, target = observation[closed_loop.STATE], observation["observation.environment_state"][:, :1]
        return np.asarray(state + np.clip(target - state, -0.25, 0.25), dtype=np.float32)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Episodes of the expert from the very starts of the checks, and two more that are held out."""
    lamp, root = Lamp(), tmp_path_factory.mktemp("lamp") / "data"
    features = {
        closed_loop.STATE: vector(JOINTS),
        "observation.environment_state": vector(POSE),
        closed_loop.ACTION: vector(JOINTS),
        FRONT: camera(SIDE, SIDE),
    }
    starts = lamp.sample_conditions(EPISODES + 2, SEED)
    with DatasetWriter(root, fps=30, features=features, robot="ur10", task=TASK) as writer:
        played = play(lamp, Knowing(), starts, horizon_s=0.5, tail_steps=4, images=True)  # type: ignore[arg-type]
        for rollout in sorted(played, key=lambda rollout: rollout.condition):
            assert rollout.images is not None
            writer.add_episode({**rollout.observations, closed_loop.ACTION: rollout.actions}, {FRONT: rollout.images})
        writer.splits = {"train": EPISODES, "heldout": 2}
    return root


@pytest.fixture
def _lamp(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stands where Isaac Lab would be started, and is asked for the camera of the data."""

    @contextmanager
    def launched(task: str, *, camera: Camera, **_: Any) -> Iterator[Lamp]:
        assert (task, camera) == (TASK, Camera(name="front", width=SIDE, height=SIDE))
        yield Lamp()

    monkeypatch.setattr(closed_loop, "launch", launched)


@pytest.mark.usefixtures("_lamp")
def test_a_policy_learns_by_its_camera_alone_and_its_checks_tell(data: Path, tmp_path: Path) -> None:
    recipe = Recipe.of(
        "act", "image", steps=60, lr=1e-3, heads=2, feedforward=32, check_task=TASK, check_every=60, **SMALL
    )
    summary = train(data, recipe, tmp_path / "run")
    assert summary.checked_steps == (60,)
    assert summary.success[0].value == 1.0
    assert find_checkpoint(tmp_path / "run", "best")[1] == 60


@pytest.mark.usefixtures("_lamp")
@pytest.mark.parametrize(
    ("kind", "options"), [("act", {}), ("diffusion", {"n_groups": 4, "use_group_norm": True, "num_inference_steps": 2})]
)
def test_in_a_check_a_policy_is_given_what_it_learned_from(
    data: Path, tmp_path: Path, kind: str, options: dict[str, Any]
) -> None:
    recipe = Recipe.of(kind, "image", steps=1, options=options, check_task=TASK, **SMALL)
    train(data, recipe, tmp_path / "run")
    asked, learned = first_batches(Lamp(), data, tmp_path / "run")
    assert set(asked) == {closed_loop.STATE, FRONT}
    assert largest_mean_difference(asked, learned) < 0.01


def test_a_second_camera_is_refused_before_anything_is_started(tmp_path: Path) -> None:
    features = {
        closed_loop.STATE: vector(JOINTS),
        closed_loop.ACTION: vector(JOINTS),
        FRONT: camera(SIDE, SIDE),
        "observation.images.wrist": camera(SIDE, SIDE),
    }
    rows = np.zeros((8, 6), np.float32)
    pictures = np.zeros((8, SIDE, SIDE, 3), np.uint8)
    with DatasetWriter(tmp_path / "data", fps=30, features=features, robot="ur10", task=TASK) as writer:
        for _ in range(2):
            writer.add_episode(
                {closed_loop.STATE: rows, closed_loop.ACTION: rows},
                {FRONT: pictures, "observation.images.wrist": pictures},
            )
        writer.splits = {"train": 1, "heldout": 1}
    with pytest.raises(TaskMismatchError, match=rf"{TASK}: its number of cameras is 1, that of .*data is 2"):
        train(tmp_path / "data", Recipe.of("act", "image", check_task=TASK), tmp_path / "run")
