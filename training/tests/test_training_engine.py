"""A TensorRT engine is proven before it is kept; where none can be built, the error says what runs instead."""

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from physai.infrastructure.contracts import PolicyPackage
from physai.infrastructure.registry import TamperedError
from physai.infrastructure.registry.verify import read_golden
from physai.infrastructure.tests.registry_packages import make_package
from physai.training.errors import EngineParityError, NoEngineError
from physai.training.packaging import engine
from physai.training.packaging.triton import engine_config

gpu = pytest.mark.skipif(
    not torch.cuda.is_available() or find_spec("tensorrt") is None, reason="needs a GPU and TensorRT"
)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return make_package(tmp_path / "package")


def test_without_tensorrt_the_error_says_that_onnx_runtime_runs_it(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    with pytest.raises(NoEngineError, match=r"TensorRT is not installed .*runs by ONNX Runtime as it is.*pip install"):
        engine.build_engine(package, tmp_path / "engine")
    assert not (tmp_path / "engine").exists()


def test_a_damaged_package_is_refused_before_anything_is_asked(package: Path, tmp_path: Path) -> None:
    (package / "golden.npz").write_bytes(b"")
    with pytest.raises(TamperedError):
        engine.build_engine(package, tmp_path / "engine")


def test_triton_can_read_the_configuration_of_an_engine(package: Path) -> None:
    text = engine_config(PolicyPackage.read(package / "package.json"))
    config = text_format.Parse(text, model_config_pb2.ModelConfig())
    assert (config.platform, config.default_model_filename) == ("tensorrt_plan", "policy.plan")
    assert [group.kind for group in config.instance_group] == [model_config_pb2.ModelInstanceGroup.KIND_GPU]


@gpu
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_an_engine_answers_as_the_policy_did(package: Path, tmp_path: Path, precision: engine.Precision) -> None:
    import tensorrt as trt

    cache = tmp_path / "timings"
    report = engine.build_engine(package, tmp_path / "engine", precision, cache)
    assert cache.stat().st_size > 0
    major, minor = torch.cuda.get_device_capability()
    assert report.architecture == f"sm_{major}{minor}"
    contract = PolicyPackage.read(package / "package.json")
    golden = read_golden(package / "golden.npz", contract)
    one = {spec.name: golden[spec.name][:1] for spec in contract.inputs}
    answer = engine.run(trt, (tmp_path / "engine/policy.plan").read_bytes(), package, one)["action"]
    np.testing.assert_allclose(answer, golden["action"][:1], atol=engine.BOUNDS[precision] * 10)


@gpu
def test_an_engine_that_answers_otherwise_is_not_kept(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(engine.BOUNDS, "fp16", 0.0)
    monkeypatch.setattr(engine, "read_golden", lambda *_: {n: v + 1 for n, v in read_golden(*_).items()})
    with pytest.raises(EngineParityError):
        engine.build_engine(package, tmp_path / "engine")
    assert not (tmp_path / "engine").exists()
