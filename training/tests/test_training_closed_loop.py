"""A policy plays its task while it is trained, which changes nothing of the training, and the best is named."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from physai.infrastructure.contracts import TrainingSummary, digest_file
from physai.infrastructure.simulation.errors import UnknownTaskError
from physai.infrastructure.tracking import resume_run
from physai.training.errors import RecipeError, TaskMismatchError
from physai.training.il.closed_loop import STATE
from physai.training.il.recipe import Recipe
from physai.training.run import find_checkpoint

from .conftest import FRONT, SIDE, write_dataset

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
)  # inside LeRobot and MLflow
simulated = pytest.mark.simulation
PHYSAI = Path(sys.executable).with_name("physai")
TASK = "Isaac-Reach-UR10"


@pytest.fixture(scope="module")
def session(home: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path, Path]:
    """What the session tells, the demonstrations and the folder of the runs."""
    folder = tmp_path_factory.mktemp("closed-loop")
    data, runs = folder / "data", folder / "runs"
    words = [sys.executable, "-m", f"{__package__}.closed_loop_session", str(data), str(runs)]
    done = subprocess.run(words, capture_output=True, text=True, env=os.environ | {"PHYSAI_HOME": str(home)})
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1]), data, runs


def model(run: Path, step: int = 400) -> str:
    return digest_file(run / f"checkpoints/{step:06d}/pretrained_model/model.safetensors")


@simulated
def test_the_policy_learns_to_succeed_and_each_check_is_logged_at_its_step(session: Any) -> None:
    _, _, runs = session
    summary = TrainingSummary.read(runs / "whole/training.json")
    assert summary.checked_steps == (200, 400)
    rates = summary.success
    assert max(rate.value for rate in rates) >= 0.5, rates
    assert all(rate.lower < rate.value < rate.upper or rate.value in (0, 1) for rate in rates)
    tracked = resume_run(summary.run_id)
    for metric, values in (
        ("success_rate", [rate.value for rate in rates]),
        ("success_rate_lower", [rate.lower for rate in rates]),
        ("success_rate_upper", [rate.upper for rate in rates]),
    ):
        assert tracked.history(metric) == list(zip((200, 400), values, strict=True))
    tracked.finish()


@simulated
def test_the_best_checkpoint_is_named(session: Any) -> None:
    _, _, runs = session
    summary = TrainingSummary.read(runs / "whole/training.json")
    best = max(summary.success, key=lambda rate: rate.value)
    assert summary.best_step == summary.checked_steps[summary.success.index(best)]
    assert find_checkpoint(runs / "whole", "best") == (
        runs / f"whole/checkpoints/{summary.best_step:06d}",
        summary.best_step,
    )


@simulated
def test_checks_change_nothing_of_the_training(session: Any) -> None:
    _, _, runs = session
    assert model(runs / "whole") == model(runs / "unchecked")


@simulated
def test_a_policy_that_sees_is_shown_in_its_checks_what_it_learned_from(session: Any) -> None:
    """Sixteen robots at once, before their first step: of all that were learned, each is shown its own picture."""
    facts, _, runs = session
    summary = TrainingSummary.read(runs / "seeing/training.json")
    assert [(step, rate.episodes) for step, rate in zip(summary.checked_steps, summary.success, strict=True)] == [
        (2, 16)
    ]
    assert facts["asked_names"] == [FRONT, STATE]
    assert facts["asked_shape"] == [16, 3, SIDE, SIDE]
    assert facts["nearest_picture"] == facts["nearest_state"] == list(range(16))
    assert facts["mean_difference"] < 0.02
    assert model(runs / "seeing", 2) == model(runs / "seeing-unchecked", 2)


@simulated
def test_a_stopped_training_goes_on_with_its_checks(session: Any) -> None:
    facts, _, runs = session
    assert "stopped at step 250, which is kept" in facts["stopped"]
    whole, stopped = (TrainingSummary.read(runs / name / "training.json") for name in ("whole", "stopped"))
    assert (stopped.checked_steps, stopped.success) == (whole.checked_steps, whole.success)
    assert model(runs / "stopped") == model(runs / "whole")


@simulated
def test_a_task_with_other_joints_is_refused(session: Any) -> None:
    assert "Isaac-Reach-UR10: its order of 'observation.state' is ('shoulder_pan_joint'," in session[0]["misfit"]


@simulated
def test_killed_after_a_check_the_training_repeats_none(session: Any, home: Path, tmp_path: Path) -> None:
    _, data, runs = session
    recipe = ["--steps=400", "--checkpoint-every=150", "--check-every=200", "--check-episodes=16", f"--task={TASK}"]
    words = [PHYSAI, "training", "il", "train", f"--dataset={data}", f"--output={tmp_path / 'run'}", *recipe, "--json"]
    environment = os.environ | {"PHYSAI_HOME": str(home), "OMP_NUM_THREADS": "1"}
    first = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (tmp_path / "run/checkpoints/000200").exists() and first.poll() is None:
        time.sleep(0.02)
    first.kill()
    assert first.wait() == -signal.SIGKILL
    again = subprocess.run(words, env=environment, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr[-3000:]
    assert "step 200:" not in again.stderr
    summary, whole = (
        TrainingSummary.model_validate_json(again.stdout),
        TrainingSummary.read(runs / "whole/training.json"),
    )
    assert (summary.checked_steps, summary.success) == (whole.checked_steps, whole.success)
    assert [step for step, _ in resume_run(summary.run_id).history("success_rate")] == [200, 400]
    assert model(tmp_path / "run") == model(runs / "whole")


def test_an_unknown_task_is_named_before_anything_is_started(dataset: Path, tmp_path: Path) -> None:
    from physai.training.il.train import train

    with pytest.raises(UnknownTaskError, match=r"task 'Isaac-Reach-UR1' is unknown\. Did you mean 'Isaac-Reach-UR10'"):
        train(dataset, Recipe(check_task="Isaac-Reach-UR1"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_data_of_another_robot_is_refused_before_anything_is_started(tmp_path: Path) -> None:
    from physai.training.il.train import train

    other = write_dataset(tmp_path / "data", robot="panda")
    with pytest.raises(TaskMismatchError, match=rf"{TASK}: its robot is ur10, that of .*data is panda"):
        train(other, Recipe(check_task=TASK), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_vqbet_is_not_asked_for_many_robots() -> None:
    with pytest.raises(RecipeError, match="--task: LeRobot asks VQ-BeT for one robot at a time"):
        Recipe.of("vqbet", "image", check_task=TASK)
