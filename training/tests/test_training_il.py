"""Training ends the same however it was interrupted, and packages are what was trained."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from physai.infrastructure.aside import OccupiedError
from physai.infrastructure.contracts import TrainingSummary, digest_file, digest_tree
from physai.infrastructure.registry import manifest_digest
from physai.infrastructure.registry.verify import open_session, read_golden, verify_package
from physai.infrastructure.tracking import resume_run
from physai.training.errors import (
    BusyRunError,
    CheckpointError,
    DatasetMismatchError,
    DivergedError,
    ForeignRunError,
    ParityError,
    RevisionError,
    SaveError,
    StoppedError,
    UnknownUnitError,
    UnsupportedPolicyError,
)
from physai.training.il.folder import alone
from physai.training.il.recipe import Recipe
from physai.training.packaging import build as building
from physai.training.packaging import parity
from physai.training.run import TrainingRun, find_checkpoint

from .conftest import FRONT, JOINTS, SIDE, write_dataset

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
)  # inside LeRobot, PyTorch's exporter and MLflow

RECIPE = Recipe(steps=40, batch_size=8, dim=16, heads=2, feedforward=32, chunk=8, action_steps=4, checkpoint_every=10)
WEIGHTS = "pretrained_model/model.safetensors"


@pytest.fixture(scope="module")
def run(dataset: Path, home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training that nothing disturbed."""
    from physai.infrastructure.settings import settings
    from physai.training.il.train import train

    output = tmp_path_factory.mktemp("runs") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PHYSAI_HOME", str(home))
        settings.cache_clear()
        train(dataset, RECIPE, output)
    return output


@pytest.fixture(scope="module")
def package(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("packages") / "package"
    building.build(run, output)
    return output


def weights(run: Path, step: int) -> str:
    return digest_file(run / "checkpoints" / f"{step:06d}" / WEIGHTS)


def test_the_loss_falls_and_every_checkpoint_is_there(run: Path, dataset: Path) -> None:
    summary = TrainingSummary.read(run / "training.json")
    assert summary.steps == (25, 40)
    assert summary.heldout_steps == (0, 40)
    assert summary.heldout_loss[1] < summary.heldout_loss[0]
    assert summary.dataset == digest_tree(dataset, frozenset({"meta/provenance.json"}))
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == [
        *(f"{step:06d}" for step in (0, 10, 20, 30, 40)),
        "last",
    ]
    assert (run / "checkpoints/last").readlink() == Path("000040")


def test_lerobot_itself_loads_a_checkpoint(run: Path) -> None:
    from lerobot.policies.act.modeling_act import ACTPolicy

    policy = ACTPolicy.from_pretrained(run / "checkpoints/last/pretrained_model")
    assert policy.config.chunk_size == 8
    assert TrainingSummary.read(run / "training.json").parameters == sum(p.numel() for p in policy.parameters())


def test_mlflow_has_each_point_once(run: Path) -> None:
    summary = TrainingSummary.read(run / "training.json")
    tracked = resume_run(summary.run_id)
    assert tracked.history("loss") == list(zip(summary.steps, summary.loss, strict=True))
    assert tracked.history("heldout_loss") == list(zip(summary.heldout_steps, summary.heldout_loss, strict=True))
    tracked.finish()


def test_a_finished_training_is_not_repeated(run: Path, dataset: Path) -> None:
    from physai.training.il.train import train

    before = digest_tree(run)
    assert train(dataset, RECIPE, run) == TrainingSummary.read(run / "training.json")
    assert digest_tree(run) == before


def test_a_stopped_training_goes_on_to_the_same_result(run: Path, dataset: Path, tmp_path: Path) -> None:
    """SIGTERM at step 25, between two checkpoints."""
    from physai.training.il.train import train

    output = tmp_path / "run"
    with pytest.raises(StoppedError, match="stopped at step 25, which is kept"):
        train(dataset, RECIPE, output, lambda _step, _loss: os.kill(os.getpid(), signal.SIGTERM))
    assert find_checkpoint(output, "last")[1] == 25
    summary = train(dataset, RECIPE, output)
    assert weights(output, 40) == weights(run, 40)
    whole = TrainingSummary.read(run / "training.json")
    assert (summary.loss, summary.heldout_loss) == (whole.loss, whole.heldout_loss)
    assert resume_run(summary.run_id).history("loss") == list(zip(whole.steps, whole.loss, strict=True))


def test_what_a_kill_left_untold_of_the_last_step_is_told(
    run: Path, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last checkpoint is in its place, but has no name yet, and its points are not in MLflow."""
    from physai.training.il import checkpoints
    from physai.training.il.train import train

    output, point = tmp_path / "run", checkpoints._point

    def killed(run: Path, name: str, step: int) -> None:
        if step == RECIPE.steps:
            raise KeyboardInterrupt
        point(run, name, step)

    monkeypatch.setattr(checkpoints, "_point", killed)
    with pytest.raises(KeyboardInterrupt):
        train(dataset, RECIPE, output)
    monkeypatch.undo()
    summary = train(dataset, RECIPE, output)
    assert (output / "checkpoints/last").readlink() == Path("000040")
    assert resume_run(summary.run_id).history("loss") == list(zip(summary.steps, summary.loss, strict=True))


KILLED = """
import os, signal, sys
from pathlib import Path
from physai.training.il.recipe import Recipe
from physai.training.il.train import train

dataset, recipe, output = sys.argv[1:]
kill = lambda step, loss: os.kill(os.getpid(), signal.SIGKILL)
train(Path(dataset), Recipe.model_validate_json(recipe), Path(output), kill)
"""


def test_a_killed_training_goes_on_to_the_same_result(run: Path, dataset: Path, tmp_path: Path) -> None:
    """SIGKILL at step 25, five after the last checkpoint; beside it a half-written one."""
    from physai.training.il.train import train

    output = tmp_path / "run"
    code = [sys.executable, "-c", KILLED, str(dataset), RECIPE.model_dump_json(), str(output)]
    assert subprocess.run(code, capture_output=True).returncode == -signal.SIGKILL
    assert find_checkpoint(output, "last")[1] == 20
    shutil.copytree(output / "checkpoints/000010", output / "checkpoints/.000030.part")
    summary = train(dataset, RECIPE, output)
    assert weights(output, 40) == weights(run, 40)
    assert not list((output / "checkpoints").glob(".*"))
    assert resume_run(summary.run_id).history("loss") == list(zip(summary.steps, summary.loss, strict=True))


def test_another_recipe_or_dataset_is_refused(run: Path, dataset: Path, tmp_path: Path) -> None:
    from physai.training.il.train import train

    with pytest.raises(ForeignRunError, match=r"holds a training with lr 0.002, not 0.001"):
        train(dataset, RECIPE.model_copy(update={"lr": 0.001}), run)
    other = write_dataset(tmp_path / "other", cameras=True)
    with pytest.raises(ForeignRunError, match="holds a training on dataset sha256:"):
        train(other, RECIPE, run)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("")
    with pytest.raises(ForeignRunError, match=r"is not empty, and has no run\.json"):
        train(dataset, RECIPE, tmp_path / "full")


def test_two_trainings_do_not_share_a_folder(dataset: Path, tmp_path: Path) -> None:
    from physai.training.il.train import train

    with alone(tmp_path / "run"), pytest.raises(BusyRunError):
        train(dataset, RECIPE, tmp_path / "run")


def test_a_loss_that_is_no_number_stops_the_training(dataset: Path, tmp_path: Path) -> None:
    from physai.training.il.train import train

    with pytest.raises(DivergedError, match=r"step \d+: the loss is (nan|inf)\. Lower --lr"):
        train(dataset, RECIPE.model_copy(update={"lr": 1e20}), tmp_path / "run")
    assert not (tmp_path / "run/training.json").exists()


def test_a_full_disk_stops_the_training_and_it_goes_on_when_there_is_room(
    run: Path, dataset: Path, tmp_path: Path
) -> None:
    """From step 25 on, no file may be larger than 8 KiB; the checkpoint of step 30 is the first to suffer."""
    from physai.training.il.train import train

    output, unlimited = tmp_path / "run", resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with pytest.raises(SaveError, match="000030: cannot be written"):
            train(
                dataset,
                RECIPE,
                output,
                lambda _step, _loss: resource.setrlimit(resource.RLIMIT_FSIZE, (8192, unlimited[1])),
            )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    assert find_checkpoint(output, "last")[1] == 20
    assert not list((output / "checkpoints").glob(".*"))
    train(dataset, RECIPE, output)
    assert weights(output, 40) == weights(run, 40)


def test_a_torn_checkpoint_is_named(run: Path, dataset: Path, tmp_path: Path) -> None:
    from physai.training.il.train import train

    output = tmp_path / "run"
    shutil.copytree(run, output, symlinks=True)
    (output / "training.json").unlink()
    (output / "checkpoints/000040" / WEIGHTS).write_bytes(b"torn")
    with pytest.raises(CheckpointError, match="000040/pretrained_model: cannot be loaded"):
        train(dataset, RECIPE, output)


def test_a_bf16_training_differs_and_resumes_to_the_same_result(run: Path, dataset: Path, tmp_path: Path) -> None:
    from physai.training.il.train import train

    recipe = RECIPE.model_copy(update={"precision": "bf16"})
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    train(dataset, recipe, whole)
    with pytest.raises(StoppedError):
        train(dataset, recipe, cut, lambda _step, _loss: os.kill(os.getpid(), signal.SIGTERM))
    train(dataset, recipe, cut)
    assert weights(cut, 40) == weights(whole, 40) != weights(run, 40)


def test_two_processes_learn_what_one_learns(run: Path, dataset: Path, home: Path, tmp_path: Path) -> None:
    """Each takes half of every batch, and averages over the actions in it that are no padding: near, not equal."""
    script = tmp_path / "train.py"
    script.write_text(TOGETHER)
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--master-port=29571", str(script)]
    environment = os.environ | {"PHYSAI_HOME": str(home), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, str(dataset), RECIPE.model_dump_json(), str(tmp_path / "run")],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    alone, together = (TrainingSummary.read(folder / "training.json") for folder in (run, tmp_path / "run"))
    assert together.steps == alone.steps
    np.testing.assert_allclose(together.heldout_loss, alone.heldout_loss, rtol=0.02)
    assert resume_run(together.run_id).history("loss") == list(zip(together.steps, together.loss, strict=True))


TOGETHER = """
import sys
from pathlib import Path
from physai.training.il.recipe import Recipe
from physai.training.il.train import train

dataset, recipe, output = sys.argv[1:]
train(Path(dataset), Recipe.model_validate_json(recipe), Path(output))
"""


def test_two_datasets_are_learned_from_together(dataset: Path, tmp_path: Path) -> None:
    from physai.infrastructure.datasets import Dataset
    from physai.training.il.sources import digest_of, locate
    from physai.training.il.train import train

    recipe = RECIPE.model_copy(update={"steps": 10})
    other = write_dataset(tmp_path / "other", seed=1)
    pinned = f"{other.as_uri()}#{Dataset(other).content_digest()}"
    summary = train(locate([str(dataset), pinned]), recipe, tmp_path / "run")
    assert summary.dataset == digest_of([Dataset(dataset), Dataset(other)])
    stats = [json.loads((root / "meta/stats.json").read_text())["action"]["max"] for root in (dataset, other)]
    together = json.loads((tmp_path / "run/statistics.json").read_text())["action"]["max"]
    np.testing.assert_allclose(together, np.max(stats, axis=0))


def test_data_that_is_not_alike_or_not_at_its_revision_is_refused(dataset: Path, tmp_path: Path) -> None:
    from physai.training.il.sources import locate
    from physai.training.il.train import train

    other = write_dataset(tmp_path / "other", joints=JOINTS[::-1])
    with pytest.raises(DatasetMismatchError, match=r"its feature 'observation.state' is \('wrist_3_joint'"):
        train([dataset, other], RECIPE, tmp_path / "run")
    with pytest.raises(RevisionError, match="wanted sha256:1111"):
        locate([f"{dataset}#sha256:{'1' * 64}"])
    with pytest.raises(RevisionError, match="wanted sha256:1111") as refused:
        locate([f"{dataset.as_uri()}?sig=SECRET#sha256:{'1' * 64}"])
    assert "SECRET" not in str(refused.value)


def test_what_is_gone_from_the_store_is_gone_from_what_was_fetched(dataset: Path, tmp_path: Path) -> None:
    from physai.training.il.sources import locate

    place = tmp_path / "store"
    shutil.copytree(dataset, place)
    (place / "data/old.parquet").write_bytes(b"old")
    (fetched,) = locate([place.as_uri()])
    assert (fetched / "data/old.parquet").exists()
    (place / "data/old.parquet").unlink()
    assert locate([place.as_uri()]) == [fetched]
    assert digest_tree(fetched) == digest_tree(place)


@pytest.fixture(scope="module")
def diffusion(camera_dataset: Path, home: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Dataset folder of a Diffusion run, and its package; state alone, two denoising steps."""
    from physai.training.il.train import train

    recipe = Recipe.of(
        "diffusion", "state", steps=6, batch_size=4, dim=8, chunk=8, action_steps=4, options={"n_groups": 4}
    ).model_copy(update={"denoising_steps": 2, "checkpoint_every": 3, "log_every": 1})
    folder = tmp_path_factory.mktemp("diffusion")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PHYSAI_HOME", str(home))
        train(camera_dataset, recipe, folder / "run")
        building.build(folder / "run", folder / "package")
    return folder / "run", folder / "package"


def test_diffusion_learns_and_resumes_though_it_draws_noise(
    diffusion: tuple[Path, Path], camera_dataset: Path, tmp_path: Path
) -> None:
    from physai.training.il.train import train

    run, _ = diffusion
    recipe, kills = TrainingRun.read(run / "run.json").recipe, iter([True])

    def stop_once(_step: int, _loss: float) -> None:
        if next(kills, False):
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(StoppedError, match="stopped at step 1,"):
        train(camera_dataset, recipe, tmp_path / "run", stop_once)
    train(camera_dataset, recipe, tmp_path / "run")
    assert weights(tmp_path / "run", 6) == weights(run, 6)


def test_a_diffusion_package_says_what_it_needs_beside_the_present(diffusion: tuple[Path, Path]) -> None:
    contract = verify_package(diffusion[1])
    assert [(spec.name, spec.shape, spec.history, spec.noise) for spec in contract.inputs] == [
        ("observation.state", (2, 6), 2, False),
        ("observation.environment_state", (2, 7), 2, False),
        ("noise", (8, 6), 0, True),
    ]
    assert contract.outputs[0].shape == (4, 6)
    assert contract.parity_max_abs <= 1e-5


@pytest.fixture(scope="module")
def vqbet(camera_dataset: Path, home: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run and its package; its codes are learned in the first 24 steps."""
    from physai.training.il.train import train

    options = {"vqvae_embedding_dim": 16, "use_group_norm": True, "n_vqvae_training_steps": 24}
    recipe = Recipe.of("vqbet", "image", steps=30, batch_size=2, dim=16, action_steps=4, options=options)
    folder = tmp_path_factory.mktemp("vqbet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PHYSAI_HOME", str(home))
        summary = train(camera_dataset, recipe, folder / "run")
        assert np.isfinite(summary.loss).all()
        building.build(folder / "run", folder / "package")
    return folder / "run", folder / "package"


def test_a_vqbet_package_says_what_it_needs_beside_the_present(vqbet: tuple[Path, Path]) -> None:
    contract = verify_package(vqbet[1])
    assert [(spec.name, spec.shape, spec.history, spec.noise) for spec in contract.inputs] == [
        ("observation.state", (2, 6), 2, False),
        (FRONT, (2, 3, SIDE, SIDE), 2, False),
        ("noise", (2, 16, 2), 0, True),  # two layers of 16 codes, two normals for each draw
    ]
    assert contract.outputs[0].shape == (4, 6)
    assert contract.parity_max_abs <= 1e-5


def test_other_noise_draws_other_codes(vqbet: tuple[Path, Path]) -> None:
    session = open_session(vqbet[1] / "policy.onnx")
    golden = read_golden(vqbet[1] / "golden.npz", verify_package(vqbet[1]))
    rows = {name: np.repeat(golden[name][:1], 64, axis=0) for name in ("observation.state", FRONT)}
    noise = np.random.default_rng(0).standard_normal((64, 2, 16, 2), dtype=np.float32)
    chunks = session.run(["action"], {**rows, "noise": noise})[0]
    assert 1 < len({chunk.round(4).tobytes() for chunk in chunks}) <= 64
    again = session.run(["action"], {**rows, "noise": noise})[0]
    np.testing.assert_array_equal(again, chunks)


@pytest.mark.parametrize("kind", ["diffusion", "vqbet"])
def test_the_runner_plays_a_package_as_lerobot_plays_the_policy(kind: str, request: pytest.FixtureRequest) -> None:
    """Ten steps of a changing observation, with the same noise: queues here, `Memory` there."""
    import torch

    from physai.infrastructure.control import ChunkedPolicy, Memory
    from physai.training.il import policy
    from physai.training.packaging.graph import GRAPHS

    run, package = request.getfixturevalue(kind)
    contract, session = verify_package(package), open_session(package / "policy.onnx", rows=1)
    names = [spec.name for spec in contract.inputs]
    runner = ChunkedPolicy(
        lambda given: session.run(["action"], {name: given[name] for name in names})[0],
        contract.action_steps,
        1,
        contract.inputs,
    )
    made = policy.load(run / "checkpoints/last/pretrained_model")
    made.policy.eval()
    made.policy.reset()
    noises = Memory(contract.inputs, 1)
    rng = np.random.default_rng(0)
    for step in range(10):
        seen = {spec.name: rng.random((1, *spec.shape[1:]), np.float32) for spec in contract.inputs if spec.history}
        if step % 4 == 0:
            noises.see(seen)
            noise = torch.from_numpy(noises.recall(seen, np.array([0]))["noise"])
        given = made.pre({name: torch.from_numpy(value) for name, value in seen.items()})
        with GRAPHS[kind].fixed(noise) as handed:
            wanted = made.post(made.policy.select_action(given, **handed)).numpy()
        np.testing.assert_allclose(runner.act(seen), wanted, atol=1e-5)


def test_codes_are_drawn_as_often_as_their_probability_says() -> None:
    """Of 30,000 draws a share of 0.7, 0.2 and 0.1; three deviations are 0.008."""
    import torch

    from physai.training.packaging.draws import codes_drawn_by

    noise = torch.randn(30_000, 1, 3, 2, generator=torch.Generator().manual_seed(0))
    with codes_drawn_by(noise):
        drawn = torch.multinomial(torch.tensor([[0.7, 0.2, 0.1]]).repeat(30_000, 1), num_samples=1)
    shares = torch.bincount(drawn[:, 0], minlength=3) / 30_000
    np.testing.assert_allclose(shares.numpy(), [0.7, 0.2, 0.1], atol=0.008)
    assert torch.multinomial.__name__ == "multinomial", "PyTorch draws by itself again"


def test_a_policy_without_a_graph_is_refused(tmp_path: Path) -> None:
    from types import SimpleNamespace

    from physai.training.packaging.graph import graph_of

    made = SimpleNamespace(policy=SimpleNamespace(config=SimpleNamespace(type="smolvla")))
    with pytest.raises(UnsupportedPolicyError, match=r"a 'smolvla' cannot be put .* Can be: act, diffusion, vqbet\."):
        graph_of(made, tmp_path)  # type: ignore[arg-type]  # its kind is all that is looked at


def test_a_package_says_what_was_trained(run: Path, package: Path) -> None:
    contract, training = verify_package(package), TrainingRun.read(run / "run.json")
    assert (contract.task, contract.robot, contract.rate_hz) == ("Isaac-Reach-UR10", "ur10", 30.0)
    assert (contract.dataset, contract.run_id, contract.training_steps) == (training.dataset, training.run_id, 40)
    assert contract.inputs[0].elements == contract.outputs[0].elements == JOINTS
    assert contract.inputs[1].units == ("m", "m", "m", "1", "1", "1", "1")
    assert contract.outputs[0].shape == (8, 6)
    assert [limits.joint for limits in contract.limits] == list(JOINTS)
    assert contract.parity_max_abs <= 1e-5


@pytest.mark.parametrize("made_for", [None, 1])
def test_a_graph_answers_any_number_of_robots_or_one_as_well(package: Path, made_for: int | None) -> None:
    contract = verify_package(package)
    session = open_session(package / "policy.onnx", rows=made_for)
    golden = read_golden(package / "golden.npz", contract)
    rows = {spec.name: golden[spec.name] for spec in contract.inputs}
    assert len(golden["action"]) == 16, "8 recorded observations and 8 random ones"
    each = [session.run(["action"], {name: value[i : i + 1] for name, value in rows.items()})[0] for i in range(16)]
    np.testing.assert_allclose(np.concatenate(each), golden["action"], atol=1e-5)


def test_the_same_checkpoint_gives_the_same_bytes(run: Path, package: Path, tmp_path: Path) -> None:
    building.build(run, tmp_path / "again", checkpoint="000040")
    assert manifest_digest(tmp_path / "again") == manifest_digest(package)


def test_the_untrained_policy_is_packaged_in_the_same_way(run: Path, package: Path, tmp_path: Path) -> None:
    contract = building.build(run, tmp_path / "untrained", checkpoint="000000")
    assert contract.training_steps == 0
    assert contract.files["policy.onnx"] != verify_package(package).files["policy.onnx"]


def test_a_package_tells_nothing_of_the_machine_it_was_built_on(package: Path) -> None:
    here = [str(Path.cwd()).encode(), str(Path(onnx.__file__).parents[1]).encode(), os.uname().nodename.encode()]
    for path in package.iterdir():
        assert not [word for word in here if word in path.read_bytes()], path


def test_triton_can_read_its_configuration(package: Path) -> None:
    config = text_format.Parse((package / "config.pbtxt").read_text(), model_config_pb2.ModelConfig())
    assert config.default_model_filename == "policy.onnx"
    assert [(tensor.name, list(tensor.dims)) for tensor in config.input] == [
        ("observation.state", [6]),
        ("observation.environment_state", [7]),
    ]
    assert list(config.output[0].dims) == [8, 6]


def test_leapp_reads_the_joints_the_chunk_and_the_rate_of_a_policy(package: Path) -> None:
    import torch
    from leapp import InferenceManager, InputKindEnum, OutputKindEnum

    manager = InferenceManager(str(package / "leapp.yaml"))
    state, target = manager.nodes["policy"].input_descriptions
    assert (state["kind"], state["element_names"]) == (InputKindEnum.JOINT_POSITION.value, [list(JOINTS)])
    assert "kind" not in target, "a pose may be measured or commanded"
    (action,) = manager.nodes["policy"].output_descriptions
    assert (action["kind"], action["shape"]) == (OutputKindEnum.JOINT_POSITION.value, [1, 8, 6])
    assert action["temporal_period_ms"] == pytest.approx(1000 / 30)
    assert manager.pipeline["configs"]["frequency"] == 30 / 4, "four actions of each chunk are played"
    golden = read_golden(package / "golden.npz", verify_package(package))
    seen = {f"policy/{spec['name']}": torch.from_numpy(golden[spec["name"]][:1]) for spec in (state, target)}
    np.testing.assert_allclose(manager.run_policy(seen)["policy/action"].numpy(), golden["action"][:1], atol=1e-5)


def test_a_package_names_the_licences_of_data_and_code(run: Path, package: Path) -> None:
    found = {
        part.part: (part.name, part.licence) for part in verify_package(package).licences if part.name != "lerobot"
    }
    assert found == {
        "policy": ("isaac-reach-ur10-act", "NOASSERTION"),
        "dataset": (TrainingRun.read(run / "run.json").dataset, "NOASSERTION"),  # it has no card
        "code": ("physai-training", "MIT"),
    }


def test_a_policy_that_the_graph_does_not_match_is_not_packaged(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parity, "BOUND", 1e-12)
    with pytest.raises(ParityError, match=r"differ by .* in predict_action_chunk"):
        building.build(run, tmp_path / "package")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_checkpoint_lists_those_there_are(run: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no checkpoint '000015'\. There are: 000000, 000010, .*, last"):
        building.build(run, tmp_path / "package", checkpoint="000015")


def test_an_occupied_output_is_left_alone(run: Path, tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(OccupiedError):
        building.build(run, tmp_path)
    assert (tmp_path / "notes").read_text() == "mine"


def test_an_unknown_unit_is_refused(run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run, copy, symlinks=True)
    training = json.loads((copy / "run.json").read_text())
    training["action"]["elements"][0] = "gripper"
    (copy / "run.json").write_text(json.dumps(training))
    with pytest.raises(UnknownUnitError, match="the unit of 'gripper' is unknown"):
        building.build(copy, tmp_path / "package")


def test_an_image_policy_trains_and_packages(camera_dataset: Path, tmp_path: Path) -> None:
    from physai.training.il.train import train

    recipe = Recipe.of("act", "image", steps=3, batch_size=2, dim=16, chunk=4, action_steps=2)
    summary = train(camera_dataset, recipe.model_copy(update={"feedforward": 32}), tmp_path / "run")
    assert summary.parameters > 11_000_000, "the ResNet18 is in it"
    contract = building.build(tmp_path / "run", tmp_path / "package")
    assert [(spec.name, spec.shape) for spec in contract.inputs] == [
        ("observation.state", (6,)),
        (FRONT, (3, SIDE, SIDE)),
    ]
    assert contract.inputs[1].units == ()
