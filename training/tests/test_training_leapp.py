"""LEAPP's own loader runs a package by its `leapp.yaml`, memory and all."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from physai.infrastructure.contracts import PolicyPackage
from physai.infrastructure.registry.verify import open_session, read_golden
from physai.training.benchmark.actor_runs import write_run
from physai.training.packaging.actors import build

pytestmark = pytest.mark.filterwarnings("ignore")  # inside PyTorch's exporter and LEAPP


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An LSTM with random weights."""
    folder = tmp_path_factory.mktemp("leapp")
    build(write_run(folder / "run", "LSTM 2x128"), folder / "package")
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
