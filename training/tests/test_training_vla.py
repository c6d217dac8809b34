"""The real code of a VLA on a tiny one: weights or adapters learn, survive a stop, and leave as a checkpoint."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from physai.infrastructure.contracts import TrainingSummary
from physai.training.errors import PinError, UnknownPolicyError, WeightsError
from physai.training.il.recipe import LANGUAGE_POLICIES, Recipe

SCRIPT = """
import os, signal, sys
from pathlib import Path

from physai.training.vla.tiny import write_tiny_smolvla
from physai.training.vla.weights import merge
from physai.training.errors import CheckpointError, StoppedError
from physai.training.il import policy
from physai.training.il.recipe import LANGUAGE_POLICIES, Recipe
from physai.training.il.train import train
from physai.infrastructure.contracts import digest_tree
import torch

data, folder = Path(sys.argv[1]), Path(sys.argv[2])
start = write_tiny_smolvla(folder / "tiny")
small = dict(steps=6, batch_size=2, chunk=6, action_steps=3, checkpoint_every=3, precision="bf16", lr=1e-4)


def recipe(**more):
    found = Recipe.of("smolvla", "image", LANGUAGE_POLICIES, start=digest_tree(start), **small, **more)
    return found.model_copy(update={"log_every": 2})


train(data, recipe(), folder / "full", start=start)
stop = lambda step, loss: os.kill(os.getpid(), signal.SIGTERM) if step == 2 else None
try:
    train(data, recipe(lora_rank=2), folder / "lora", stop, start=start)
    raise SystemExit("was not stopped")
except StoppedError:
    pass
train(data, recipe(lora_rank=2), folder / "lora", start=start)
train(data, recipe(lora_rank=2), folder / "whole", start=start)
adapters = [folder / name / "checkpoints/last/pretrained_model" for name in ("lora", "whole")]
assert len({(path / "adapter_model.safetensors").read_bytes() for path in adapters}) == 1, "resumed to another result"

merged = merge(folder / "lora", folder / "merged")
adapted, alone = policy.load(adapters[0]), policy.load(merged)
batch = {"observation.state": torch.zeros(1, 6), "observation.images.front": torch.rand(1, 3, 32, 32)}
answers = []
for made, words in ((adapted, "reach"), (alone, "reach"), (alone, "a quite different task")):
    made.policy.eval()
    made.policy.reset()
    torch.manual_seed(0)
    answers.append(made.post(made.policy.predict_action_chunk(made.pre({**batch, "task": [words]}))))
assert answers[0].shape == (1, 6, 6)
torch.testing.assert_close(answers[0], answers[1], atol=1e-4, rtol=1e-4)
assert not torch.equal(answers[1], answers[2]), "what it is told makes no difference"
try:
    merge(folder / "full", folder / "nothing")
    raise SystemExit("merged what has no adapters")
except CheckpointError as error:
    assert "has no adapters" in str(error)
"""


FAULTS = """
import json, os, resource, shutil, signal, sys
from pathlib import Path

from physai.training.vla import language  # first, see there
from physai.infrastructure.contracts import digest_tree
from physai.infrastructure.errors import PhysaiError
from physai.infrastructure.tracking import resume_run
from physai.training.il.recipe import LANGUAGE_POLICIES, Recipe
from physai.training.il.train import train

data, plain, folder, whole = map(Path, sys.argv[1:])
start = whole.with_name("tiny") / "checkpoint"
small = dict(steps=6, batch_size=2, chunk=6, action_steps=3, checkpoint_every=3, precision="bf16", lr=1e-4)


def attempt(output, progress=None, data=data, start=start, **changed):
    chosen = {**small, **changed, "start": digest_tree(start), "lora_rank": 2}
    recipe = Recipe.of("smolvla", "image", LANGUAGE_POLICIES, **chosen)
    try:
        return train(data, recipe.model_copy(update={"log_every": 2}), folder / output, progress, start)
    except PhysaiError as error:
        return f"{type(error).__name__}: {error}"


child = os.fork()
if not child:
    attempt("killed", lambda step, loss: os.kill(os.getpid(), signal.SIGKILL) if step == 4 else None)
killed = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
facts = {"killed": killed, "kept": sorted(os.listdir(folder / "killed/checkpoints"))}
summary = attempt("killed")
facts["loss_steps"] = [step for step, _ in resume_run(summary.run_id).history("loss")]

before = resource.getrlimit(resource.RLIMIT_FSIZE)
fill = lambda step, loss: resource.setrlimit(resource.RLIMIT_FSIZE, (8192, before[1]))
facts["full_disk"] = attempt("full", fill)
resource.setrlimit(resource.RLIMIT_FSIZE, before)
attempt("full")
adapter = "checkpoints/last/pretrained_model/adapter_model.safetensors"
adapters = [path / adapter for path in (whole, folder / "killed", folder / "full")]
facts["same_result"] = len({path.read_bytes() for path in adapters}) == 1

facts["diverged"] = attempt("diverged", lr=1e30)
facts["no_camera"] = attempt("blind", data=plain)
torn, act = folder / "torn", folder / "act"
for copy in (torn, act):
    shutil.copytree(start, copy)
(torn / "model.safetensors").write_bytes(b"torn")
facts["torn"] = attempt("from-torn", start=torn)
(act / "config.json").write_text(json.dumps({"type": "act"}))
facts["other_kind"] = attempt("from-act", start=act)
print(json.dumps(facts))
"""


@pytest.fixture(scope="module")
def trained(camera_dataset: Path, home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that the script made; it has a process of its own, since it needs `transformers`."""
    folder = tmp_path_factory.mktemp("vla")
    environment = os.environ | {"PHYSAI_HOME": str(home), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", SCRIPT, str(camera_dataset), str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.fixture(scope="module")
def faults(
    trained: Path, camera_dataset: Path, dataset: Path, home: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """How a training went that was killed, and what was said by those that could not be made."""
    folder = tmp_path_factory.mktemp("faults")
    environment = os.environ | {"PHYSAI_HOME": str(home), "OMP_NUM_THREADS": "1"}
    words = [sys.executable, "-c", FAULTS, str(camera_dataset), str(dataset), str(folder), str(trained / "whole")]
    done = subprocess.run(words, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_killed_or_out_of_space_a_vla_goes_on_to_the_same_adapters(faults: dict[str, Any]) -> None:
    """Killed at step 4, between its checkpoints; at step 2 the disk was full, which the checkpoint of step 3 met."""
    assert faults["killed"] == -signal.SIGKILL
    assert "000003" in faults["kept"]
    assert "000006" not in faults["kept"]
    assert faults["full_disk"].startswith("SaveError: ")
    assert "000003: cannot be written" in faults["full_disk"]
    assert faults["same_result"]
    assert faults["loss_steps"] == [2, 4, 6], "each step once"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("diverged", r"DivergedError: step \d+: the loss is (nan|inf)\. Lower --lr"),
        ("no_camera", r"MissingFeatureError: .*no feature 'observation\.images\.\*'"),
        ("torn", r"CheckpointError: .*/torn: cannot be loaded"),
        ("other_kind", r"CheckpointError: .*/act: (is a 'act', not a 'smolvla'|cannot be loaded)"),
    ],
)
def test_what_ends_a_vla_has_one_name(faults: dict[str, Any], fault: str, said: str) -> None:
    assert re.match(said, faults[fault]), faults[fault]


def test_the_weights_learn_all_and_the_adapters_few(trained: Path) -> None:
    full, lora = (TrainingSummary.read(trained / name / "training.json") for name in ("full", "lora"))
    assert full.policy == "smolvla"
    assert full.heldout_loss[-1] < full.heldout_loss[0]
    assert lora.parameters < full.parameters / 50
    assert lora.steps == (2, 4, 6), "each step once, though it was stopped at 2"


def test_a_checkpoint_says_where_it_began(trained: Path) -> None:
    run = json.loads((trained / "lora/run.json").read_text())
    assert run["recipe"]["start"].startswith("sha256:")
    assert run["recipe"]["lora_rank"] == 2
    assert not (trained / "merged/adapter_config.json").exists()


def test_a_branch_is_no_revision(tmp_path: Path) -> None:
    from physai.training.vla.weights import fetch

    with pytest.raises(PinError, match="revision 'main' may move"):
        fetch("lerobot/smolvla_base", "main", tmp_path / "base")


def test_a_name_that_no_hub_can_have_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from physai.training.vla.weights import fetch

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")  # put back afterwards
    with pytest.raises(WeightsError, match=r"too/many/parts@0{12}: cannot be fetched \("):
        fetch("too/many/parts", "0" * 40, tmp_path / "base")
    assert not (tmp_path / "base").exists()


def test_a_misspelt_vla_is_guessed() -> None:
    with pytest.raises(UnknownPolicyError, match=r"Did you mean 'smolvla'\? Known: pi0, pi05, smolvla"):
        Recipe.of("smollvla", "image", LANGUAGE_POLICIES)
