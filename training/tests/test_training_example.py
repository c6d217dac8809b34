"""The architecture's example: from a trained checkpoint to an inference image that a registry has by its digest."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from physai.infrastructure.tests.registry_server import SERVER, SKOPEO, serving
from physai.training.il.recipe import Recipe

from .test_training_image import base_of, unpack

pytestmark = [
    pytest.mark.registry,
    pytest.mark.skipif(SKOPEO is None or SERVER is None, reason="skopeo or docker-registry is not installed"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
]
EXAMPLE = Path(__file__).parents[1] / "examples/inference-image.sh"


def test_a_checkpoint_becomes_an_image_that_a_registry_has_by_digest(dataset: Path, home: Path, tmp_path: Path) -> None:
    """What skopeo pulls by that digest starts Triton with a model that answers as the policy did."""
    from physai.training.il.train import train

    train(
        dataset,
        Recipe(steps=3, batch_size=4, dim=16, heads=2, feedforward=32, chunk=4, action_steps=2),
        tmp_path / "run",
    )
    bin_folder = Path(sys.executable).parent
    environment = os.environ | {
        "PATH": f"{bin_folder}:{os.environ['PATH']}",
        "PHYSAI_HOME": str(home),
        "BASE": str(base_of(tmp_path / "base")),
    }
    with serving(tmp_path) as host:
        words = [str(EXAMPLE), str(tmp_path / "run"), f"{host}/images/reach", str(tmp_path / "out")]
        done = subprocess.run(words, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        reference = done.stdout.strip()
        assert reference.startswith(f"{host}/images/reach@sha256:")
        assert SKOPEO is not None
        pulled = tmp_path / "pulled"
        copy = [
            SKOPEO,
            "copy",
            "--preserve-digests",
            "--src-tls-verify=false",
            f"docker://{reference}",
            f"oci:{pulled}",
        ]
        subprocess.run(copy, check=True, capture_output=True)
    for variant, base in (("cuda", "-py3"), ("l4t", "-py3-igpu")):
        built_from = (tmp_path / f"out/{variant}/Containerfile").read_text().splitlines()[1]
        assert built_from.startswith("ARG BASE=nvcr.io/nvidia/tritonserver:")
        assert built_from.endswith(base)
    config = unpack(pulled, tmp_path / "root")
    assert config["config"]["Entrypoint"][:2] == ["tritonserver", "--model-repository=/models"]
    (model,) = (tmp_path / "root/models").iterdir()
    session = onnxruntime.InferenceSession(model / "1/policy.onnx")
    with np.load(model / "golden.npz") as golden:
        answer = session.run(["action"], {tensor.name: golden[tensor.name] for tensor in session.get_inputs()})[0]
        np.testing.assert_allclose(answer, golden["action"], atol=1e-5)
