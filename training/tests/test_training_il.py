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
from physai.infrastructure.registry import TamperedError, manifest_digest
from physai.infrastructure.registry.verify import GraphError, open_session, read_golden, verify_package
from physai.infrastructure.tracking import resume_run
from physai.training.errors import (
    BusyRunError,
    CheckpointError,
    DivergedError,
    ForeignRunError,
    JointOrderError,
    ParityError,
    SaveError,
    StoppedError,
    UnknownUnitError,
)
from physai.training.il.folder import alone
from physai.training.il.recipe import Recipe
from physai.training.packaging import build as building
from physai.training.packaging import parity
from physai.training.packaging.check import check
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


def test_a_package_says_what_was_trained(run: Path, package: Path) -> None:
    contract, training = verify_package(package), TrainingRun.read(run / "run.json")
    assert (contract.task, contract.robot, contract.rate_hz) == ("Isaac-Reach-UR10", "ur10", 30.0)
    assert (contract.dataset, contract.run_id, contract.training_steps) == (training.dataset, training.run_id, 40)
    assert contract.inputs[0].elements == contract.outputs[0].elements == JOINTS
    assert contract.inputs[1].units == ("m", "m", "m", "1", "1", "1", "1")
    assert contract.outputs[0].shape == (8, 6)
    assert [limits.joint for limits in contract.limits] == list(JOINTS)
    assert contract.parity_max_abs <= 1e-5


def test_a_graph_answers_any_number_of_robots(package: Path) -> None:
    contract = verify_package(package)
    session, golden = open_session(package / "policy.onnx"), read_golden(package / "golden.npz", contract)
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


def test_a_check_compares_joints_and_digest(package: Path) -> None:
    assert check(package, manifest_digest(package), JOINTS).training_steps == 40
    with pytest.raises(JointOrderError, match="asked for were wrist_3_joint, wrist_2_joint"):
        check(package, joints=tuple(reversed(JOINTS)))
    with pytest.raises(TamperedError):
        check(package, "sha256:" + "1" * 64)


def test_a_check_runs_the_checker_of_onnx(package: Path, tmp_path: Path) -> None:
    """ONNX Runtime would load it; the opset that the contract promises is another."""
    damaged = tmp_path / "package"
    shutil.copytree(package, damaged)
    contract = json.loads((damaged / "package.json").read_text())
    contract["opset"] = 17
    (damaged / "package.json").write_text(json.dumps(contract))
    with pytest.raises(GraphError, match=r"is in opset 18, package\.json says 17"):
        check(damaged)


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
