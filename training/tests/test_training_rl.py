"""A training by reinforcement survives a kill, logs each step once, and says by name what went wrong."""

import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from physai.infrastructure.storage import open_store
from physai.infrastructure.tracking import open_run, resume_run
from physai.training.errors import (
    CheckpointError,
    ForeignRunError,
    NodesError,
    NoSuccessError,
    NotFiniteError,
    RecipeError,
    SaveError,
    StoppedError,
    UnknownAgentError,
    UnknownTaskError,
)
from physai.training.rl import checkpoints
from physai.training.rl.outcomes import Outcomes
from physai.training.rl.recipe import Library, Recipe
from physai.training.rl.run import Checkpoint, RlRun, finished
from physai.training.rl.session import metric_name
from physai.training.rl.tasks import check_task, list_tasks
from physai.training.rl.train import Ranks, launch_command, train
from physai.training.run import RUN_FILE, checkpoint_steps

from . import rl_toy
from .rl_toy import ENVS, ROLLOUT, session_of, train_rsl_rl, train_skrl

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning",
    "ignore::FutureWarning",
    "ignore:invalid escape:SyntaxWarning",  # inside libraries
)
TOY = Path(__file__).with_name("rl_toy.py")


def begin(output: Path, library: Library = Library.RSL_RL, **recipe: object) -> Recipe:
    """`run.json` of a toy, with a run in MLflow."""
    made = Recipe(task="Toy-Cart", library=library, **recipe)  # type: ignore[arg-type]
    tracked = open_run("Toy-Cart", output.name, key=str(output))
    RlRun(run_id=tracked.id, recipe=made, publish=None, commit="unknown").write(output / RUN_FILE)
    return made


def history(output: Path, metric: str) -> list[int]:
    """Steps at which a metric was logged."""
    return [step for step, _ in resume_run(RlRun.read(output / RUN_FILE).run_id).history(metric)]


@pytest.mark.parametrize(("library", "loss", "wanted"), [("rsl_rl", "Loss/value", 2), ("skrl", "Loss/Value loss", 1)])
def test_killed_at_random_moments_a_training_has_every_step_once(
    tmp_path: Path, library: str, loss: str, wanted: int
) -> None:
    iterations, rng = 60, random.Random(0)
    begin(tmp_path, Library(library), checkpoint_every=7)
    command = [sys.executable, str(TOY), str(tmp_path), library, str(iterations)]
    for kills in range(20):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        if kills < wanted:
            before = checkpoint_steps(tmp_path)
            while checkpoint_steps(tmp_path) == before and process.poll() is None:
                time.sleep(0.01)
            time.sleep(rng.uniform(0, 0.1))
            process.kill()
        if process.wait() == 0:
            break
    assert kills == wanted
    first = 0 if library == "rsl_rl" else 1  # RSL-RL counts iterations from 0, skrl's are logged when they are over
    assert history(tmp_path, loss) == list(range(first, iterations + first))
    mark = checkpoints.find(tmp_path)[1]
    assert (mark.iteration, mark.env_steps) == (iterations, iterations * ENVS * ROLLOUT)
    rates = history(tmp_path, "success_rate")
    assert len(rates) == len(set(rates))


def test_a_stop_request_keeps_a_checkpoint_of_that_very_iteration(tmp_path: Path) -> None:
    begin(tmp_path, checkpoint_every=50)
    with pytest.raises(StoppedError, match="stopped at step 1, which is kept"):
        train_rsl_rl(session_of(tmp_path, stop=[signal.SIGTERM]), 5)
    assert checkpoint_steps(tmp_path) == [1]


def test_a_training_ends_at_the_success_rate_that_was_asked_for(tmp_path: Path) -> None:
    begin(tmp_path, stop_at_success=0.05)
    torch.manual_seed(0)
    session = session_of(tmp_path)
    train_rsl_rl(session, 400)
    assert session.reached
    assert session.last is not None
    assert session.last.iteration < 400
    assert session.last.episodes >= 200
    assert session.outcomes.rate is not None
    assert session.outcomes.rate >= 0.05


def test_a_task_that_states_no_success_cannot_end_at_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("physai.training.rl.outcomes.METRIC", "Metrics/other")
    begin(tmp_path, stop_at_success=0.5)
    with pytest.raises(NoSuccessError, match=r"Toy-Cart: states no success.*Leave out --stop-at-success"):
        train_rsl_rl(session_of(tmp_path), 10)


@pytest.mark.parametrize(("reward", "lr"), [(float("inf"), 1e-3), (1.0, 1e30)])
def test_a_loss_that_is_no_number_ends_the_training_by_name(tmp_path: Path, reward: float, lr: float) -> None:
    begin(tmp_path, checkpoint_every=1)
    with pytest.raises(NotFiniteError, match=r"Toy-Cart: iteration \d+: .*Lower the learning rate"):
        train_rsl_rl(session_of(tmp_path), 5, reward=reward, lr=lr)
    for step in checkpoint_steps(tmp_path):  # what was kept is whole
        model = torch.load(tmp_path / f"checkpoints/{step:06d}/model.pt", weights_only=True)
        assert all(torch.isfinite(value).all() for value in model["actor_state_dict"].values())


@contextmanager
def full_disk(limit_bytes: int) -> Iterator[None]:
    """No file may grow beyond this."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_named_and_leaves_no_half_checkpoint(tmp_path: Path) -> None:
    mark = Checkpoint(iteration=3, env_steps=1, seconds=0, success_rate=None, episodes=0, model="sha256:" + "0" * 64)
    with full_disk(1024), pytest.raises(SaveError, match=r"000003: cannot be written .*File too large.*run the same"):
        checkpoints.save(tmp_path, {"weights": torch.zeros(4096)}, mark)
    assert checkpoint_steps(tmp_path) == []
    checkpoints.save(tmp_path, {"weights": torch.zeros(4096)}, mark)
    assert checkpoint_steps(tmp_path) == [3]


def test_a_new_machine_takes_up_the_newest_published_checkpoint(tmp_path: Path) -> None:
    first, second, store = tmp_path / "first", tmp_path / "second", (tmp_path / "store").as_uri()
    begin(first, checkpoint_every=2)
    train_rsl_rl(session_of(first), 5)
    checkpoints.publish(first, store)
    (tmp_path / "store/checkpoints/000009").mkdir()
    (tmp_path / "store/checkpoints/000009/checkpoint.json").write_text("{}")  # its model was never uploaded
    checkpoints.fetch(store, second)
    assert checkpoint_steps(second) == [5]
    assert checkpoints.find(second)[1] == checkpoints.find(first)[1]
    assert len(open_store(store).list("checkpoints")) == 7


def test_another_recipe_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    recipe = begin(tmp_path)
    assert finished(tmp_path, recipe) is None
    with pytest.raises(ForeignRunError, match="holds a training with seed 42, not 7"):
        finished(tmp_path, recipe.model_copy(update={"seed": 7}))


def test_an_unknown_task_is_named_with_the_nearest_one() -> None:
    with pytest.raises(UnknownTaskError, match=r"task 'Isaac-Cartpol' is unknown\. Did you mean 'Isaac-Cartpole'\?"):
        check_task("Isaac-Cartpol", Library.RSL_RL, None)
    with pytest.raises(UnknownAgentError, match=r"Isaac-Cartpole-Camera: no agent 'skrl.*It has agents for: rsl_rl"):
        check_task("Isaac-Cartpole-Camera", Library.SKRL, None)
    with pytest.raises(UnknownAgentError, match=r"Did you mean 'rsl_rl_with_symmetry_cfg_entry_point'"):
        check_task("Isaac-Cartpole", Library.RSL_RL, "rsl_rl_symmetry_cfg_entry_point")
    found = {entry.task: entry.libraries for entry in list_tasks("cartpole").tasks}
    assert found["Isaac-Cartpole"] == ("rsl_rl", "skrl")


def test_a_model_to_start_from_that_is_missing_or_no_model_is_named_before_a_run_begins(tmp_path: Path) -> None:
    recipe = Recipe(task="Isaac-Cartpole", library=Library.RSL_RL)
    with pytest.raises(CheckpointError, match=r"nowhere\.pt: is no model file"):
        train(recipe, tmp_path / "run", start_from=tmp_path / "nowhere.pt")
    (tmp_path / "notes.pt").write_text("not a model")
    with pytest.raises(CheckpointError, match=r"notes\.pt: is no model file"):
        train(recipe, tmp_path / "run", start_from=tmp_path / "notes.pt")
    assert not (tmp_path / "run").exists()


class Intruder:
    """Unpickled, it leaves a file."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Path]]:
        return Path.touch, (self.trace,)


def test_code_in_a_model_file_is_refused_and_never_run(tmp_path: Path) -> None:
    """RSL-RL and skrl read models with `weights_only=False`, which runs it."""
    model, trace = tmp_path / "model.pt", tmp_path / "trace"
    torch.save({"actor_state_dict": Intruder(trace)}, model)
    recipe = Recipe(task="Isaac-Cartpole", library=Library.RSL_RL)
    with pytest.raises(CheckpointError, match=r"model\.pt: holds more than weights"):
        train(recipe, tmp_path / "run", start_from=model)
    begin(tmp_path / "other", Library.RSL_RL)
    mark = Checkpoint(iteration=1, env_steps=1, seconds=1.0, success_rate=None, episodes=0, model="sha256:" + "0" * 64)
    checkpoints.save(tmp_path / "other", {"actor_state_dict": Intruder(trace)}, mark)
    with pytest.raises(CheckpointError, match=r"model\.pt: holds more than weights"):
        checkpoints.find(tmp_path / "other")
    assert not trace.exists()


@pytest.mark.parametrize(("library", "train_toy"), [("rsl_rl", train_rsl_rl), ("skrl", train_skrl)])
def test_a_model_of_another_task_is_named(
    tmp_path: Path, library: str, train_toy: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights of a network with one hidden layer of 16, given to one of 8; and a file that holds none."""
    begin(tmp_path / "first", Library(library))
    train_toy(session_of(tmp_path / "first"), 1)
    begin(tmp_path / "second", Library(library))
    monkeypatch.setattr(rl_toy, "HIDDEN", 8)
    (tmp_path / "torn.pt").write_bytes(b"torn")
    for model in (checkpoints.find(tmp_path / "first")[0], tmp_path / "torn.pt"):
        with pytest.raises(CheckpointError, match=rf"{model.name}: does not fit Toy-Cart \("):
            train_toy(session_of(tmp_path / "second"), 1, start_from=model)
    assert checkpoint_steps(tmp_path / "second") == []


@pytest.mark.parametrize(("library", "train_toy"), [("rsl_rl", train_rsl_rl), ("skrl", train_skrl)])
def test_a_warm_start_takes_the_weights_and_counts_from_the_beginning(
    tmp_path: Path, library: str, train_toy: Callable[..., None]
) -> None:
    """Weights alone: trained on at a learning rate of nearly nothing, which is this training's, they stay the same."""
    begin(tmp_path / "first", Library(library))
    train_toy(session_of(tmp_path / "first"), 3)
    begin(tmp_path / "warm", Library(library))
    model = checkpoints.find(tmp_path / "first")[0]
    train_toy(session_of(tmp_path / "warm"), 1, lr=1e-12, start_from=model)
    begin(tmp_path / "cold", Library(library))
    train_toy(session_of(tmp_path / "cold"), 1, lr=1e-12)
    first, warm, cold = (
        torch.load(checkpoints.find(tmp_path / name)[0], weights_only=True) for name in ("first", "warm", "cold")
    )
    assert checkpoint_steps(tmp_path / "warm") == [1]
    actor = "actor_state_dict" if library == "rsl_rl" else "policy"
    weights = [name for name, value in first[actor].items() if value.ndim == 2 and "normalizer" not in name]
    assert weights
    for name in weights:
        torch.testing.assert_close(warm[actor][name], first[actor][name], atol=1e-6, rtol=0)
        assert not torch.allclose(cold[actor][name], first[actor][name], atol=1e-3)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("num_envs", 0, "--num-envs: Input should be greater than 0, got 0"),
        ("stop_at_success", 2.0, "--stop-at-success: Input should be less than or equal to 1"),
        ("seed", -1, "--seed: Input should be greater than or equal to 0"),
    ],
)
def test_a_value_out_of_range_is_named_like_its_option(name: str, value: float, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        Recipe.of(task="Isaac-Cartpole", library=Library.RSL_RL, **{name: value})


def test_an_override_without_a_value_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"'--agent\.seed' is no override"):
        Recipe(task="Isaac-Cartpole", library=Library.RSL_RL, overrides=("--agent.seed",))


def test_several_gpus_are_launched_by_isaac_labs_own_launcher(tmp_path: Path) -> None:
    command = launch_command(tmp_path, None, Ranks(gpus=4, nodes=2, node=1, master="trainer-0", port=29511))
    assert command[:5] == [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "4"]
    for option, value in (
        ("--nnodes", "2"),
        ("--node_rank", "1"),
        ("--master_addr", "trainer-0"),
        ("--master_port", "29511"),
    ):
        assert command[command.index(option) + 1] == value
    assert command[-3:] == ["-m", "physai.training.rl.worker", str(tmp_path)]


def test_torchrun_starts_the_worker_and_tells_its_error(tmp_path: Path) -> None:
    command = launch_command(tmp_path / "nowhere", None, Ranks(gpus=1, port=29541))
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode != 0
    assert f"error: {tmp_path}/nowhere/run.json: no rl-run here" in done.stderr


@pytest.mark.parametrize(
    ("ranks", "publish", "why"),
    [
        (Ranks(nodes=2), "file:///store", "say how many GPUs each has"),
        (Ranks(gpus=1, nodes=2), None, "give --publish URI"),
        (Ranks(gpus=1, nodes=2, node=2), "file:///store", "ranks count from 0"),
    ],
)
def test_processes_that_cannot_come_together_are_refused(ranks: Ranks, publish: str | None, why: str) -> None:
    with pytest.raises(NodesError, match=why):
        ranks.check(publish)


def test_more_gpus_than_there_are_is_refused(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there are GPUs here")
    recipe = Recipe(task="Isaac-Cartpole", library=Library.RSL_RL)
    with pytest.raises(NodesError, match="--num-gpus 2: this machine has 0"):
        train(recipe, tmp_path, ranks=Ranks(gpus=2))


def test_all_processes_stop_when_one_is_asked_to(tmp_path: Path) -> None:
    # Two processes meet over gloo, which is torch's own way without GPUs; only rank 1 was asked to end.
    script = (
        "import sys, torch.distributed as dist\n"
        "from physai.training.rl.session import agreed\n"
        "rank = int(sys.argv[1])\n"
        f"dist.init_process_group('gloo', init_method='file://{tmp_path}/meet', rank=rank, world_size=2)\n"
        "print(*agreed((rank == 1, False), 'cpu'))\n"
        "dist.destroy_process_group()\n"
    )
    ranks = [
        subprocess.Popen([sys.executable, "-c", script, str(rank)], stdout=subprocess.PIPE, text=True)
        for rank in (0, 1)
    ]
    assert [process.communicate(timeout=120)[0].strip() for process in ranks] == ["True False", "True False"]


def test_episodes_that_began_in_mid_course_are_not_counted() -> None:
    class Env:
        max_episode_length = 3
        reset_terminated = torch.tensor([False, True, False, False])
        reset_time_outs = torch.tensor([True, False, True, False])
        extras = {"log": {"Metrics/success_rate": torch.tensor(2 / 3)}}

    outcomes = Outcomes(window=4)
    assert outcomes.note(Env, step=3) is not None
    assert outcomes.rate is None  # RSL-RL begins episodes at a random time; all of them are over after 3 steps
    outcomes.note(Env, step=4)
    outcomes.note(Env, step=5)
    assert (outcomes.ended, outcomes.episodes) == (6, 6)
    assert outcomes.rate == pytest.approx(4 / 6)
    Env.extras = {"log": {"Metrics/success_rate": torch.tensor(1.0)}}
    outcomes.note(Env, step=6)  # 3 + 3 + 3 - 3 = 6 >= 4: the first three leave the window
    assert (outcomes.ended, outcomes.episodes) == (9, 6)
    assert outcomes.rate == pytest.approx(5 / 6)


def test_a_success_term_is_believed_and_termination_is_not() -> None:
    class Terms:
        active_terms = ("time_out", "success", "fell")

        def get_term(self, name: str) -> torch.Tensor:
            assert name == "success"
            return torch.tensor([True, False, False])

    class Env:
        max_episode_length = 1
        termination_manager = Terms()
        reset_terminated = torch.tensor([True, True, False])  # one reached its goal, one fell
        reset_time_outs = torch.tensor([False, False, False])
        extras: dict[str, object] = {}

    outcomes = Outcomes(window=10)
    success = outcomes.note(Env, step=2)
    assert success is not None
    assert success[:2].tolist() == [1.0, 0.0]
    assert torch.isnan(success[2])
    assert (outcomes.rate, outcomes.stated_by) == (0.5, "termination term 'success'")


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("Reward / Total reward (max)", "Reward/Total reward max"),
        ("Loss/value", "Loss/value"),
        ("Episode_Reward/pole_pos", "Episode_Reward/pole_pos"),
    ],
)
def test_names_of_scalars_are_made_such_that_mlflow_takes_them(name: str, allowed: str) -> None:
    assert metric_name(name) == allowed


def test_four_nodes_fit_osmo_and_the_production_platform() -> None:
    workflow = Path(train.__code__.co_filename).with_name("workflows") / "osmo/train-rl-nodes.yaml"
    words = ["jobs", "validate", str(workflow), "--set", "nodes=4", "--profile", "prod"]
    done = subprocess.run([str(Path(sys.executable).with_name("physai")), *words], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, "1 valid"), done.stderr
