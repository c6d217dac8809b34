"""The image encoder begins from weights in a file, with no network asked."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from physai.infrastructure.contracts import TensorSpec, TrainingSummary
from physai.infrastructure.errors import MissingFileError
from physai.training.errors import CheckpointError, RecipeError
from physai.training.il.recipe import Recipe

from .conftest import FRONT

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
)  # inside LeRobot and MLflow
DIGEST = "sha256:" + "0" * 64
STATE, SIDE_PX = "observation.state", 64
SMALL: dict[str, dict[str, Any]] = {
    "act": {"dim": 16, "heads": 2, "feedforward": 32},
    "diffusion": {"dim": 8, "options": {"n_groups": 4}},
    "vqbet": {"dim": 16, "action_steps": 4, "options": {"vqvae_embedding_dim": 16}},
}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a ResNet18, in both forms, and of a ResNet34."""
    import torch
    import torchvision
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(7)
    state = torchvision.models.resnet18(weights=None).state_dict()
    torch.save(state, folder / "resnet18.pth")
    save_file(state, folder / "resnet18.safetensors")
    torch.save(torchvision.models.resnet34(weights=None).state_dict(), folder / "resnet34.pth")
    (folder / "torn.pth").write_bytes(b"torn")
    return folder


def make(kind: str, backbone: Path, **more: Any) -> Any:
    """A policy of the fixture's shapes, on top of these weights."""
    from physai.training.il import policy

    chosen = SMALL[kind] | more
    recipe = Recipe.of(kind, "image", batch_size=2, steps=2, chunk=8, backbone=DIGEST, **{"action_steps": 4} | chosen)
    ones = {"min": [-1.0] * 6, "max": [1.0] * 6, "mean": [0.0] * 6, "std": [1.0] * 6}
    pixels = {name: [[[value]]] * 3 for name, value in (("min", 0.0), ("max", 1.0), ("mean", 0.5), ("std", 0.25))}
    inputs = [
        TensorSpec(name=STATE, dtype="float32", shape=(6,), elements=tuple("abcdef")),
        TensorSpec(name=FRONT, dtype="float32", shape=(3, SIDE_PX, SIDE_PX)),
    ]
    action = TensorSpec(name="action", dtype="float32", shape=(6,), elements=tuple("abcdef"))
    return policy.make(recipe, inputs, action, {STATE: ones, "action": ones, FRONT: pixels}, "cpu", None, backbone)


@pytest.mark.parametrize(
    ("kind", "file"), [("act", "resnet18.pth"), ("diffusion", "resnet18.safetensors"), ("vqbet", "resnet18.pth")]
)
def test_an_encoder_sees_what_torchvisions_model_sees(weights: Path, kind: str, file: str) -> None:
    """The last map of features of both, on a random picture."""
    import torch
    import torchvision

    reference = torchvision.models.resnet18(weights=None)
    reference.load_state_dict(torch.load(weights / "resnet18.pth", weights_only=True))
    seen: list[torch.Tensor] = []
    reference.layer4.register_forward_hook(lambda _module, _given, features: seen.append(features))
    picture = torch.rand(1, 3, SIDE_PX, SIDE_PX)
    made = make(kind, weights / file).policy.eval()
    (encoder,) = [module for name, module in made.named_modules() if name.endswith("backbone")]
    with torch.no_grad():
        reference.eval()(picture)
        features = encoder(picture)
    torch.testing.assert_close(features["feature_map"] if kind == "act" else features, seen[0], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("file", ["resnet34.pth", "torn.pth"])
def test_weights_of_something_else_are_named(weights: Path, file: str) -> None:
    with pytest.raises(CheckpointError, match=rf"{file}: has no weights for this resnet18"):
        make("act", weights / file)


def test_weights_for_layers_that_were_replaced_are_refused(weights: Path) -> None:
    options = SMALL["diffusion"]["options"] | {"use_group_norm": True}
    with pytest.raises(CheckpointError, match="has no weights for this resnet18"):
        make("diffusion", weights / "resnet18.pth", options=options)


def test_a_policy_without_a_camera_takes_none() -> None:
    with pytest.raises(RecipeError, match="--backbone: a policy without a camera has no image encoder"):
        Recipe.of("act", "state", backbone=DIGEST)


def test_the_command_trains_upon_them_and_keeps_their_digest(
    weights: Path, camera_dataset: Path, tmp_path: Path
) -> None:
    import json

    from typer.testing import CliRunner

    from physai.infrastructure.contracts import digest_file
    from physai.training.il.cli import app

    words = ["train", f"--dataset={camera_dataset}", f"--output={tmp_path / 'run'}", "--observation=image"]
    small = ["--steps=1", "--batch-size=2", "--dim=16", "--chunk=4", "--action-steps=2", "--json"]
    done = CliRunner().invoke(app, [*words, *small, f"--backbone={weights / 'resnet18.pth'}"])
    assert TrainingSummary.model_validate_json(done.stdout).steps == (1,)
    run, digest = json.loads((tmp_path / "run/run.json").read_text()), digest_file(weights / "resnet18.pth")
    assert run["recipe"]["backbone"] == digest
    assert {"part": "weights", "name": digest, "licence": "NOASSERTION"} in run["licences"]
    missing = CliRunner().invoke(app, [*words, f"--backbone={weights / 'none.pth'}"])
    assert isinstance(missing.exception, MissingFileError)


ALONE = """
import sys


def refuse(event, given):
    if event in ("socket.getaddrinfo", "socket.connect") and not isinstance(given[-1], (str, bytes)):
        sys.stderr.write(f"asked the network: {event} {given}\\n")
        raise OSError("there is no network")


sys.addaudithook(refuse)
from physai.infrastructure.cli import main

main()
"""


def test_nothing_is_asked_of_the_network(weights: Path, camera_dataset: Path, home: Path, tmp_path: Path) -> None:
    """A whole training upon given weights, in a process in which every connection is refused and told."""
    words = ["training", "il", "train", f"--dataset={camera_dataset}", f"--output={tmp_path / 'run'}"]
    small = ["--steps=1", "--batch-size=2", "--dim=16", "--chunk=4", "--action-steps=2", "--observation=image"]
    code = [sys.executable, "-c", ALONE, *words, *small, f"--backbone={weights / 'resnet18.pth'}", "--json"]
    variables = os.environ | {"PHYSAI_HOME": str(home), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(code, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert TrainingSummary.model_validate_json(done.stdout).steps == (1,)
    assert "asked the network" not in done.stderr
