"""A package's graph at work through ONNX Runtime, without PyTorch."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from physai.fleet_deployment.runtime.onnx_policy import OnnxPolicy
from physai.fleet_deployment.runtime.session import providers
from physai.infrastructure.contracts import PolicyPackage
from physai.infrastructure.tests.registry_packages import make_package


def test_chunks_are_played_before_the_graph_is_asked_again(tmp_path: Path) -> None:
    folder = make_package(tmp_path / "package", shift_rad=0.5)
    policy = OnnxPolicy(folder, PolicyPackage.read(folder / "package.json"), arms=2)
    policy.reset(np.array([0, 1]))
    observation = {
        "observation.state": np.array([[0.0] * 6, [1.0] * 6], dtype=np.float32),
        "observation.environment_state": np.zeros((2, 7), dtype=np.float32),
    }
    first = policy.act(observation)
    assert first.tolist() == [[0.5] * 6, [1.5] * 6]
    moved = observation | {"observation.state": observation["observation.state"] + 1}
    for _ in range(3):  # action_steps is 4
        assert policy.act(moved).tolist() == first.tolist()
    assert policy.act(moved).tolist() == [[1.5] * 6, [2.5] * 6]
    assert 0 < policy.latency_ms(0, 50) <= policy.latency_ms(0, 99)
    assert policy.misses(0, 0.0) > 0 == policy.misses(0, 1e9)


def test_latency_is_that_of_the_present_episode(tmp_path: Path) -> None:
    folder = make_package(tmp_path / "package")
    policy = OnnxPolicy(folder, PolicyPackage.read(folder / "package.json"), arms=1)
    observation = {
        "observation.state": np.zeros((1, 6), dtype=np.float32),
        "observation.environment_state": np.zeros((1, 7), dtype=np.float32),
    }
    policy.reset(np.array([0]))
    policy.act(observation)
    first = policy.latency_ms(0, 50)
    policy.reset(np.array([0]))
    policy.act(observation)
    assert policy.latency_ms(0, 0) == policy.latency_ms(0, 100), "one inference in this episode"
    assert policy.latency_ms(0, 50) != first


def test_tensorrt_comes_first_where_it_is_there_and_keeps_its_engines_beside_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = ["CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider", "AzureExecutionProvider"]
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: there)
    (name, options), *others = providers(tmp_path / "1234.engines")
    assert (name, options["trt_engine_cache_path"]) == ("TensorrtExecutionProvider", str(tmp_path / "1234.engines"))
    assert others == ["CUDAExecutionProvider", "CPUExecutionProvider"]


def test_a_robot_decides_without_pytorch() -> None:
    modules = ("loader.agent", "loader.staging", "runtime.guard", "runtime.onnx_policy", "robot.event_log")
    imports = ", ".join(f"physai.fleet_deployment.{module}" for module in modules)
    code = f"import sys, {imports}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
