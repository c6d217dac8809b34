"""The real code of a VLA on a tiny one: weights or adapters learn, survive a stop, and leave as a checkpoint."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from physai.infrastructure.contracts import TrainingSummary
from physai.training.errors import PinError, UnknownPolicyError
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


@pytest.fixture(scope="module")
def trained(camera_dataset: Path, home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that the script made; it has a process of its own, since it needs `transformers`."""
    folder = tmp_path_factory.mktemp("vla")
    environment = os.environ | {"PHYSAI_HOME": str(home), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", SCRIPT, str(camera_dataset), str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


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


def test_a_misspelt_vla_is_guessed() -> None:
    with pytest.raises(UnknownPolicyError, match=r"Did you mean 'smolvla'\? Known: pi0, pi05, smolvla"):
        Recipe.of("smollvla", "image", LANGUAGE_POLICIES)
