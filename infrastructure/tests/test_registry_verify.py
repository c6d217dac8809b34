"""Every way in which a package can be other than it says is refused by name."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from physai.infrastructure.contracts import ContractError, digest_file
from physai.infrastructure.errors import MissingFileError, PhysaiError
from physai.infrastructure.registry import NotAPackageError, TamperedError, manifest_digest
from physai.infrastructure.registry.verify import (
    GOLDEN_FILE,
    GRAPH_FILE,
    GoldenError,
    GraphError,
    open_session,
    read_golden,
    verify_package,
)
from physai.infrastructure.tests.registry_packages import JOINTS, make_package

FILES = ("policy.onnx", "golden.npz", "package.json")


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return make_package(tmp_path / "package")


def edit(folder: Path, change: Callable[[dict[str, object]], None]) -> None:
    """Change `package.json` as a forger would, leaving the file digests true."""
    contract = json.loads((folder / "package.json").read_text())
    contract["files"] = {name: digest_file(folder / name) for name in contract["files"]}
    change(contract)
    (folder / "package.json").write_text(json.dumps(contract))


def test_a_whole_package_is_accepted_with_and_without_its_digest(package: Path) -> None:
    assert verify_package(package) == verify_package(package, manifest_digest(package))


def test_a_session_for_one_robot_takes_no_two(package: Path) -> None:
    graph, golden = package / GRAPH_FILE, read_golden(package / GOLDEN_FILE, verify_package(package))
    two = {name: golden[name][:2] for name in ("observation.state", "observation.environment_state")}
    assert (open_session(graph).run(["action"], two)[0] == golden["action"][:2]).all()
    one = {name: values[:1] for name, values in two.items()}
    alone = open_session(graph, rows=1)
    assert (alone.run(["action"], one)[0] == golden["action"][:1]).all()
    with pytest.raises(Exception, match=r"Got: 2 Expected: 1"):
        alone.run(["action"], two)


def test_another_digest_is_refused(package: Path) -> None:
    with pytest.raises(TamperedError, match="expected sha256:00"):
        verify_package(package, "sha256:" + "0" * 64)


def test_a_missing_package_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="no policy-package here"):
        verify_package(tmp_path / "nothing")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_flipped_bit_is_noticed(package: Path, data: st.DataObject) -> None:
    digest, name = manifest_digest(package), data.draw(st.sampled_from(FILES))
    content = bytearray((package / name).read_bytes())
    bit = data.draw(st.integers(0, 8 * len(content) - 1))
    content[bit // 8] ^= 1 << bit % 8
    damaged = package.parent / "damaged"
    shutil.copytree(package, damaged, dirs_exist_ok=True)
    (damaged / name).write_bytes(content)
    with pytest.raises(PhysaiError):
        verify_package(damaged, digest)


@pytest.mark.parametrize("name", ["policy.onnx", "golden.npz"])
def test_a_changed_file_is_noticed_without_the_package_digest(package: Path, name: str) -> None:
    (package / name).write_bytes((package / name).read_bytes() + b"\0")
    with pytest.raises(TamperedError, match=name):
        verify_package(package)


def test_a_missing_file_and_one_too_many_are_named(package: Path) -> None:
    (package / "notes.txt").write_text("run me")
    with pytest.raises(NotAPackageError, match=r"'notes.txt' is not listed"):
        verify_package(package)
    (package / "notes.txt").unlink()
    (package / "golden.npz").unlink()
    with pytest.raises(NotAPackageError, match=r"'golden.npz' is missing"):
        verify_package(package)


def test_a_package_without_golden_vectors_is_refused(package: Path) -> None:
    edit(package, lambda contract: contract["files"].pop("golden.npz"))  # type: ignore[attr-defined]
    with pytest.raises(NotAPackageError, match=r"does not list golden.npz"):
        verify_package(package)


def test_another_version_of_the_contract_is_refused(package: Path) -> None:
    edit(package, lambda contract: contract.update(version=2))
    with pytest.raises(ContractError, match=r"version: Input should be 1 \(got 2\)"):
        verify_package(package)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"action_steps": 9}, "9 actions to play of a chunk of 8"),
        ({"limits": []}, "limits are of joints"),
        (
            {"limits": [{"joint": j, "lower_rad": -1.0, "upper_rad": 1.0} for j in reversed(JOINTS)]},
            "limits are of joints",
        ),
    ],
)
def test_a_contract_that_contradicts_itself_is_refused(package: Path, change: dict[str, object], message: str) -> None:
    edit(package, lambda contract: contract.update(change))
    with pytest.raises(NotAPackageError, match=message):
        verify_package(package)


def test_an_action_that_is_no_position_has_no_position_limits(package: Path) -> None:
    edit(package, lambda contract: contract.update(action_meaning="joint-effort"))
    with pytest.raises(NotAPackageError, match=r"limits are of joints .*, wanted \(\) for joint-effort"):
        verify_package(package)
    edit(package, lambda contract: contract.update(limits=[]))
    verify_package(package)


def test_a_state_that_is_no_output_is_refused(package: Path) -> None:
    edit(package, lambda contract: contract.update(states=[{"input": "h_in", "output": "h_out"}]))
    with pytest.raises(NotAPackageError, match=r"not those of its states"):
        verify_package(package)


def test_names_that_do_not_fit_the_shape_are_refused(package: Path) -> None:
    def shorten(contract: dict[str, object]) -> None:
        contract["inputs"][0]["elements"] = list(JOINTS[:5])  # type: ignore[index]

    edit(package, shorten)
    with pytest.raises(NotAPackageError, match=r"5 elements for 'observation.state' of shape \(6,\)"):
        verify_package(package)


def test_a_graph_with_another_input_is_refused(package: Path) -> None:
    def rename(contract: dict[str, object]) -> None:
        contract["inputs"][1]["name"] = "observation.target"  # type: ignore[index]

    edit(package, rename)
    with pytest.raises(GraphError, match=r"its inputs are .*environment_state.* says .*observation.target"):
        verify_package(package)


def test_a_graph_that_is_no_graph_is_refused(package: Path) -> None:
    (package / "policy.onnx").write_bytes(b"not an onnx file")
    edit(package, lambda _: None)
    with pytest.raises(GraphError, match="ONNX Runtime cannot load it") as caught:
        verify_package(package)
    assert "\n" not in str(caught.value)


def test_a_graph_that_answers_otherwise_is_refused(tmp_path: Path) -> None:
    """Golden vectors of one policy beside the graph of another: 0.001 rad is ten times what rounding explains."""
    package, other = make_package(tmp_path / "package"), make_package(tmp_path / "other", shift_rad=0.001)
    shutil.copy(other / "policy.onnx", package / "policy.onnx")
    edit(package, lambda _: None)
    with pytest.raises(GoldenError, match=r"answers otherwise here, by up to 0.001"):
        verify_package(package)


def test_a_graph_that_answers_no_number_is_refused(tmp_path: Path) -> None:
    package, other = make_package(tmp_path / "package"), make_package(tmp_path / "other", shift_rad=float("nan"))
    shutil.copy(other / "policy.onnx", package / "policy.onnx")
    edit(package, lambda _: None)
    with pytest.raises(GoldenError, match="by up to nan"):
        verify_package(package)


def test_a_graph_that_takes_only_one_row_is_refused(package: Path) -> None:
    """A host asks for many robots at once."""
    model = onnx.load(package / "policy.onnx")
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 1
    onnx.save(model, package / "policy.onnx")
    edit(package, lambda _: None)
    with pytest.raises(GraphError, match="cannot be run"):
        verify_package(package)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "holds no samples"),
        ({"observation.state": np.zeros((2, 6), np.float32)}, "no array 'observation.environment_state'"),
        ({"observation.state": np.zeros((2, 6))}, "'observation.state' is float64"),
        ({"observation.state": np.zeros((0, 6), np.float32)}, "holds no samples"),
        ({"observation.state": np.zeros((2, 6), np.float32), "x": np.zeros(3)}, "not as many of each array"),
    ],
)
def test_unfit_golden_vectors_are_refused(package: Path, arrays: dict[str, np.ndarray], message: str) -> None:
    np.savez(package / "golden.npz", **arrays)
    edit(package, lambda _: None)
    with pytest.raises(GoldenError, match=message):
        verify_package(package)


def test_golden_vectors_cannot_smuggle_code(package: Path) -> None:
    np.savez(package / "golden.npz", **{"observation.state": np.array([{"a": 1}], dtype=object)})
    edit(package, lambda _: None)
    with pytest.raises(GoldenError, match="cannot be read"):
        verify_package(package)
