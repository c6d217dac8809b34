"""The examples: Isaac Lab's cartpole learned from nothing, killed, resumed, packaged and played, by both libraries."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from physai.infrastructure.registry.verify import verify_package
from physai.infrastructure.tracking import resume_run
from physai.training.packaging.actors import build
from physai.training.rl.run import RlSummary
from physai.training.run import SUMMARY_FILE, checkpoint_steps

pytestmark = [
    pytest.mark.timeout(1800),  # a busy machine is slow, and this is no measurement
    pytest.mark.simulation,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),  # inside MLflow and the exporter
]
PHYSAI = Path(sys.executable).with_name("physai")


def command(*words: object) -> list[str]:
    return [str(PHYSAI), "training", "rl", *map(str, words)]


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "PHYSAI_HOME": str(home), "OMP_NUM_THREADS": "1"}


def learn(home: Path, output: Path, library: str, *more: object) -> subprocess.Popen[bytes]:
    words = command("train", "--task", "Isaac-Cartpole", "--library", library, "--output", output, *more)
    return subprocess.Popen(words, env=environment(home), stdout=subprocess.DEVNULL)


def steps_of(output: Path, metric: str) -> list[int]:
    run_id = RlSummary.read(output / SUMMARY_FILE).run_id
    return [step for step, _ in resume_run(run_id).history(metric)]


def test_rsl_rl_balances_the_pole_although_it_was_killed(home: Path, tmp_path: Path) -> None:
    more = ("--num-envs", 256, "--iterations", 150, "--stop-at-success", 0.9, "--checkpoint-every", 10)
    first = learn(home, tmp_path / "run", "rsl_rl", *more)
    while not checkpoint_steps(tmp_path / "run") and first.poll() is None:
        time.sleep(0.05)
    first.kill()
    assert first.wait() != 0
    assert learn(home, tmp_path / "run", "rsl_rl", *more).wait() == 0
    summary = RlSummary.read(tmp_path / "run" / SUMMARY_FILE)
    assert summary.success_rate is not None
    assert summary.success_rate >= 0.9
    assert summary.episodes >= 200
    assert summary.stopped_early
    assert summary.env_steps == summary.iterations * 256 * 16  # the agent's 16 steps in each iteration
    assert steps_of(tmp_path / "run", "Loss/value") == list(range(summary.iterations))
    assert steps_of(tmp_path / "run", "Episode_Termination/cart_out_of_bounds")
    assert steps_of(tmp_path / "run", "system/cpu_utilization_percentage")

    package = build(tmp_path / "run", tmp_path / "package")
    assert verify_package(tmp_path / "package") == package
    assert package.inputs[0].units == ("m", "rad", "m/s", "rad/s")
    assert (package.outputs[0].elements, package.outputs[0].units) == (("slider_to_cart",), ("N",))
    assert (package.outputs[0].lower, package.outputs[0].upper) == ((-400.0,), (400.0,))
    assert package.parity_max_abs <= 1e-6 * 400

    words = command("play", tmp_path / "run", "--episodes", 64, "--json")
    played = subprocess.run(words, env=environment(home), stdout=subprocess.PIPE, check=True)
    assert json.loads(played.stdout)["success_rate"] >= 0.9


def test_skrl_trains_and_its_policy_can_be_packaged(home: Path, tmp_path: Path) -> None:
    assert learn(home, tmp_path / "run", "skrl", "--num-envs", 32, "--iterations", 4).wait() == 0
    assert steps_of(tmp_path / "run", "Loss/Value loss") == [1, 2, 3, 4]
    assert build(tmp_path / "run", tmp_path / "package").policy_type == "skrl"


@pytest.mark.slow
def test_skrl_balances_the_pole(home: Path, tmp_path: Path) -> None:
    more = ("--num-envs", 256, "--iterations", 150, "--stop-at-success", 0.95)
    assert learn(home, tmp_path / "run", "skrl", *more).wait() == 0
    assert (RlSummary.read(tmp_path / "run" / SUMMARY_FILE).success_rate or 0.0) >= 0.95


@pytest.mark.slow
@pytest.mark.parametrize("library", ["rsl_rl", "skrl"])
def test_a_deterministic_training_gives_the_same_model_again_and_another_seed_another(
    home: Path, tmp_path: Path, library: str
) -> None:
    seeds = {"one": 3, "again": 3, "other": 4}
    for name, seed in seeds.items():
        more = ("--num-envs", 32, "--iterations", 3, "--seed", seed, "--deterministic")
        assert learn(home, tmp_path / name, library, *more).wait() == 0
    one, again, other = (RlSummary.read(tmp_path / name / SUMMARY_FILE).checkpoint for name in seeds)
    weights = [torch.load(tmp_path / name / "checkpoints/000003/model.pt", weights_only=True) for name in seeds]
    actor = "actor_state_dict" if library == "rsl_rl" else "policy"
    first, second, third = (model[actor] for model in weights)
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    assert not all(torch.equal(value, third[name]) for name, value in first.items())
    assert one != other
    assert one == again


@pytest.mark.slow
def test_a_film_shows_the_trained_policy(home: Path, tmp_path: Path) -> None:
    import av

    more = ("--num-envs", 32, "--iterations", 2, "--video")
    assert learn(home, tmp_path / "run", "rsl_rl", *more).wait() == 0
    with av.open(str(tmp_path / "run/play.mp4")) as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(frames) > 5
    assert frames[0].std() > 5  # something is to be seen
