"""A provider has a row if it ran here and gave the golden answers; others are told, not timed."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from physai.infrastructure.registry import manifest_digest
from physai.infrastructure.registry.errors import RegistryError
from physai.infrastructure.registry.verify import open_session
from physai.infrastructure.tests.registry_packages import make_package
from physai.training.packaging import latency
from physai.training.packaging.latency import measure

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return make_package(tmp_path / "package")


def test_the_cpu_has_a_row_and_no_endpoint_has(package: Path) -> None:
    found = measure(package, steps=50, batch=3)
    assert (found.package, found.batch, found.steps) == (manifest_digest(package), 3, 50)
    row = next(row for row in found.rows if row.provider == CPU)
    assert 0 < row.p50_ms <= row.p99_ms
    assert row.max_abs_difference < 1e-6
    assert set(onnxruntime.get_available_providers()) == {
        "AzureExecutionProvider",
        *(row.provider for row in found.rows),
        *found.left_out,
    }


@pytest.mark.skipif(CUDA in onnxruntime.get_available_providers(), reason="has CUDA")
@pytest.mark.filterwarnings("ignore:Specified provider:UserWarning")  # of ONNX Runtime, which goes on without it
def test_a_provider_that_cannot_be_loaded_has_no_row(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: [CUDA, CPU])
    found = measure(package, steps=5)
    assert [row.provider for row in found.rows] == [CPU]
    assert found.left_out == {CUDA: f"ONNX Runtime cannot load it, and takes {CPU}"}


def test_a_provider_that_answers_otherwise_has_no_row(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = open_session(make_package(package.parent / "other", shift_rad=0.5) / "policy.onnx")
    monkeypatch.setattr(latency, "open_session", lambda *_: other)
    found = measure(package, steps=5)
    assert not found.rows
    assert found.left_out[CPU] == "it answers otherwise than the golden vectors, by up to 0.5"


def test_a_damaged_package_is_not_timed(package: Path) -> None:
    content = bytearray((package / "policy.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (package / "policy.onnx").write_bytes(content)
    with pytest.raises(RegistryError):
        measure(package, steps=5)


def test_the_command_prints_one_table(package: Path) -> None:
    from typer.testing import CliRunner

    from physai.training.packaging.cli import app

    found = CliRunner().invoke(app, ["latency", str(package), "--steps", "5"])
    assert found.exit_code == 0
    assert CPU in found.stdout
    told = json.loads(CliRunner().invoke(app, ["latency", str(package), "--steps", "5", "--json"]).stdout)
    assert np.isfinite(told["rows"][0]["p99_ms"])
