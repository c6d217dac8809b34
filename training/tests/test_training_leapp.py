"""LEAPP's own loader runs a package by its `leapp.yaml`, memory and all; licences come from where they are stated."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from physai.infrastructure.contracts import LicensedPart, PolicyPackage
from physai.infrastructure.registry.verify import open_session, read_golden
from physai.training import licences
from physai.training.benchmark.actor_runs import write_run
from physai.training.errors import LicenceError
from physai.training.packaging.actors import build
from physai.training.packaging.sbom import make_sbom

pytestmark = pytest.mark.filterwarnings("ignore")  # inside PyTorch's exporter and LEAPP


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An LSTM with random weights."""
    folder = tmp_path_factory.mktemp("leapp")
    build(write_run(folder / "run", "LSTM 2x128"), folder / "package", licence="cc-by-4.0")
    return folder / "package"


def test_leapp_runs_a_package_by_its_description(package: Path) -> None:
    """Three steps, twice: LEAPP feeds the memory back and forgets it at a reset, ONNX Runtime is handed it by us."""
    import torch
    from leapp import InferenceManager

    manager = InferenceManager(str(package / "leapp.yaml"))
    assert (manager.inputs, manager.outputs) == (["policy/observation.policy"], ["policy/action"])
    session = open_session(package / "policy.onnx")
    seen = read_golden(package / "golden.npz", PolicyPackage.read(package / "package.json"))["observation.policy"][:3]
    for _ in range(2):
        memory = {name: np.zeros((1, 2, 128), np.float32) for name in ("h_in", "c_in")}
        for row in seen[:, None]:
            wanted, h, c = session.run(["action", "h_out", "c_out"], {"observation.policy": row, **memory})
            memory = {"h_in": h, "c_in": c}
            got = manager.run_policy({"policy/observation.policy": torch.from_numpy(row.copy())})["policy/action"]
            np.testing.assert_allclose(got.numpy(), wanted, atol=1e-6)
        manager.reset()


def test_leapp_refuses_a_graph_that_was_changed(package: Path, tmp_path: Path) -> None:
    from leapp import InferenceManager

    (tmp_path / "leapp.yaml").write_bytes((package / "leapp.yaml").read_bytes())
    (tmp_path / "policy.onnx").write_bytes((package / "policy.onnx").read_bytes()[:-1] + b"x")
    with pytest.raises(ValueError, match="SHA256 checksum mismatch"):
        InferenceManager(str(tmp_path / "leapp.yaml"))


def test_the_description_says_what_the_package_says(package: Path) -> None:
    from leapp import OutputKindEnum, __config_version__

    contract = PolicyPackage.read(package / "package.json")
    found = yaml.safe_load((package / "leapp.yaml").read_text())
    action = found["models"]["policy"]["outputs"][0]
    assert (action["shape"], action["kind"]) == ([1, 1, 7], OutputKindEnum.JOINT_POSITION.value)
    assert action["element_names"] == [None, "__temporal_axis__", list(contract.outputs[0].elements)]
    assert action["temporal_period_ms"] == 20.0  # 50 Hz
    assert (action["units"], action["upper"]) == (["rad"] * 7, [1.0] * 7)
    seen = found["models"]["policy"]["inputs"][0]
    assert "kind" not in seen, "positions and velocities in one tensor are no kind of LEAPP's"
    assert seen["element_names"] == [list(contract.inputs[0].elements)]
    assert found["pipeline"]["configs"]["frequency"] == 50.0
    assert found["system information"]["leapp config version"] == __config_version__


def test_a_package_names_the_licences_of_its_parts(package: Path) -> None:
    assert PolicyPackage.read(package / "package.json").licences == (
        LicensedPart(part="policy", name="isaac-seven-rsl-rl", licence="CC-BY-4.0"),
        LicensedPart(part="code", name="physai-training", licence="MIT"),
        LicensedPart(part="code", name="isaaclab", licence="BSD-3-Clause"),
        LicensedPart(part="code", name="rsl-rl-lib", licence="BSD-3-Clause"),
    )


def test_the_bill_of_materials_states_them_too(package: Path) -> None:
    bill = json.loads(make_sbom(package))
    assert bill["metadata"]["component"]["licenses"] == [{"license": {"id": "CC-BY-4.0"}}]
    stated = {part["name"]: part.get("licenses") for part in bill["components"]}
    assert stated["lerobot"] == [{"license": {"id": "Apache-2.0"}}]


def test_a_licence_that_is_none_is_refused(package: Path, tmp_path: Path) -> None:
    with pytest.raises(LicenceError, match=r"licence 'free beer' is no SPDX expression\. Write for example MIT"):
        build(package.parent / "run", tmp_path / "package", licence="free beer")
    assert not (tmp_path / "package").exists()


def test_a_package_without_licences_is_still_read(package: Path, tmp_path: Path) -> None:
    contract = json.loads((package / "package.json").read_text())
    del contract["licences"]
    (tmp_path / "package.json").write_text(json.dumps(contract))
    assert PolicyPackage.read(tmp_path / "package.json").licences == ()


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlicense: apache-2.0\n---\n", "Apache-2.0"),
        ("---\nlicense: [mit, cc-by-4.0]\n---\n", "MIT AND CC-BY-4.0"),
        ("---\nlicense: other\nlicense_name: Robot Data v2\n---\n", "LicenseRef-Robot-Data-v2"),
        ("---\nlicense: unknown\n---\n", "NOASSERTION"),
        ("# Reaching\n", "NOASSERTION"),
        (None, "NOASSERTION"),
    ],
)
def test_data_is_under_what_its_card_says(tmp_path: Path, card: str | None, licence: str) -> None:
    if card is not None:
        (tmp_path / "README.md").write_text(card)
    assert licences.of_dataset(tmp_path, "sha256:0").licence == licence
    assert licences.of_checkpoint(tmp_path, "sha256:0").part == "weights"


@pytest.mark.parametrize(("of", "licence"), [("lerobot", "Apache-2.0"), ("skrl", "MIT"), ("torch", "BSD-3-Clause")])
def test_code_is_under_what_its_metadata_says(of: str, licence: str) -> None:
    assert licences.of_code(of) == (LicensedPart(part="code", name=of, licence=licence),)
