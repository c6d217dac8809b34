"""A package of an RL actor does what the library's actor does between Isaac Lab's own observations and commands."""

import json
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from physai.infrastructure.contracts import PolicyPackage, digest_tree
from physai.infrastructure.registry.verify import open_session, read_golden, verify_package
from physai.training.benchmark.actor_runs import JOINTS, KINDS, write_run
from physai.training.errors import CheckpointError, ParityError, UnsupportedTaskError
from physai.training.packaging.actors import build, export


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packages of the actors that tests look into, by name of their kind."""
    root = tmp_path_factory.mktemp("built")
    for kind in ("MLP 3x512", "LSTM 2x128"):
        build(write_run(root / f"{kind} run", kind), root / kind)
    return root


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_of_actor_agrees_with_its_library_on_128_inputs(tmp_path: Path, kind: str) -> None:
    package = build(write_run(tmp_path / "run", kind), tmp_path / "package")
    golden = read_golden(tmp_path / "package/golden.npz", package)
    assert len(golden["action"]) == 128  # 8 recorded, 120 random
    assert package.parity_max_abs <= 1e-6
    assert verify_package(tmp_path / "package") == package


def test_the_same_checkpoint_gives_the_same_bytes(built: Path, tmp_path: Path) -> None:
    build(built / "LSTM 2x128 run", tmp_path / "again")
    assert digest_tree(tmp_path / "again") == digest_tree(built / "LSTM 2x128")


def test_the_package_says_what_the_task_measures_and_commands(built: Path) -> None:
    package = PolicyPackage.read(built / "MLP 3x512/package.json")
    seen, (action,) = package.inputs[0], package.outputs
    assert (seen.name, seen.elements[0], seen.units[-1]) == ("observation.policy", "joint_0.position", "rad/s")
    assert (action.shape, action.elements, action.units) == ((1, 7), JOINTS, ("rad",) * 7)
    assert (package.action_meaning, package.rate_hz, package.dataset) == ("absolute-joint-position", 50.0, None)
    assert [limits.joint for limits in package.limits] == list(JOINTS)
    assert (package.limits[0].lower_rad, package.limits[0].upper_rad) == (
        -0.4,
        1.0,
    )  # the task's clip


def test_commands_are_scaled_moved_and_clipped_inside_the_graph(built: Path) -> None:
    action = np.load(built / "MLP 3x512/golden.npz")["action"]
    assert action.min() >= -0.4
    assert action.max() <= 1.0
    assert (action[..., 6] >= -0.4).all()
    assert np.ptp(action) > 0.1  # and is not stuck at a bound


def test_the_normaliser_is_inside_the_graph(built: Path) -> None:
    # Its mean is near 1 and its deviation near 2: without it, 3 and 1 would be other inputs to the network.
    session = open_session(built / "MLP 3x512/policy.onnx")
    far, near = (np.full((2, 14), value, dtype=np.float32) for value in (3.0, 1.0))
    answers = [session.run(["action"], {"observation.policy": value})[0] for value in (far, near)]
    assert np.abs(answers[0] - answers[1]).max() > 1e-3


def test_a_clipped_observation_moves_nothing_beyond_its_bound(built: Path) -> None:
    # The last element is clipped to 0.5 about its rest position 1.3: 1.8 and 9.0 are the same to the policy.
    session, rows = open_session(built / "MLP 3x512/policy.onnx"), np.ones((3, 14), dtype=np.float32)
    rows[:, -1] = 1.8, 9.0, 1.3
    action = session.run(["action"], {"observation.policy": rows})[0]
    np.testing.assert_array_equal(action[0], action[1])
    assert (action[0] != action[2]).any()


def test_memory_is_an_input_and_an_output_that_can_be_carried_along(built: Path) -> None:
    package = PolicyPackage.read(built / "LSTM 2x128/package.json")
    assert [(state.input, state.output) for state in package.states] == [("h_in", "h_out"), ("c_in", "c_out")]
    assert {spec.name: spec.shape for spec in package.inputs}["h_in"] == (2, 128)
    session = open_session(built / "LSTM 2x128/policy.onnx")
    seen = np.zeros((3, 14), dtype=np.float32)
    state = {"h_in": np.zeros((3, 2, 128), dtype=np.float32), "c_in": np.zeros((3, 2, 128), dtype=np.float32)}
    first, h, c = session.run(["action", "h_out", "c_out"], {"observation.policy": seen, **state})
    second, *_ = session.run(["action", "h_out", "c_out"], {"observation.policy": seen, "h_in": h, "c_in": c})
    assert (first != second).any()  # it remembers
    np.testing.assert_array_equal(first[0], first[2])  # and rows do not mix


def test_memory_carried_along_is_the_memory_that_rsl_rl_keeps(tmp_path: Path) -> None:
    # Three steps through RSL-RL's model, which keeps its state, and through the graph, which is given it.
    import torch

    from physai.training.packaging.actors import open_run

    run = write_run(tmp_path / "run", "GRU 1x64")
    build(run, tmp_path / "package")
    found, session = open_run(run, "last"), open_session(tmp_path / "package/policy.onnx")
    model = found.actor._model  # type: ignore[attr-defined]
    model.reset()
    h = np.zeros((4, 1, 64), dtype=np.float32)
    for step in range(3):
        seen = torch.full((4, 14), 0.2 * step)
        with torch.no_grad():
            raw = model({"policy": found.graph.clean[0](seen)})
        action, h = session.run(["action", "h_out"], {"observation.policy": seen.numpy(), "h_in": h})
        np.testing.assert_allclose(action[:, 0], found.graph.to_command(raw).numpy(), atol=1e-6)


def test_triton_reads_the_configuration_of_a_recurrent_package(built: Path) -> None:
    config = text_format.Parse((built / "LSTM 2x128/config.pbtxt").read_text(), model_config_pb2.ModelConfig())
    assert [entry.name for entry in config.input] == ["observation.policy", "h_in", "c_in"]
    assert [entry.name for entry in config.output] == ["action", "h_out", "c_out"]


def test_the_graph_alone_can_be_exported(built: Path, tmp_path: Path) -> None:
    exported = export(built / "MLP 3x512 run", tmp_path / "policy.onnx")
    assert (exported.inputs, exported.outputs, exported.opset) == (("observation.policy",), ("action",), 18)
    assert (tmp_path / "policy.onnx").read_bytes() == (built / "MLP 3x512/policy.onnx").read_bytes()


def test_commands_that_isaac_lab_makes_otherwise_are_noticed(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", "skrl MLP 2x32")
    interface = json.loads((run / "interface.json").read_text())
    interface["commands"][0]["scale"] = [0.25] * 7  # half of what Isaac Lab does
    (run / "interface.json").write_text(json.dumps(interface))
    with pytest.raises(ParityError, match="Isaac Lab's commands"):
        build(run, tmp_path / "package")
    assert not (tmp_path / "package").exists()


def test_a_task_without_joint_actions_is_refused_by_name(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", "skrl MLP 2x32")
    interface = json.loads((run / "interface.json").read_text())
    interface["unsupported"] = "its action term DifferentialIKAction is none of JointPositionAction"
    (run / "interface.json").write_text(json.dumps(interface))
    with pytest.raises(UnsupportedTaskError, match=r"Isaac-Seven: cannot be packaged: its action term DifferentialIK"):
        build(run, tmp_path / "package")


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (lambda model: model.write_bytes(model.read_bytes()[:-1] + b"x"), "was changed or damaged"),
        (lambda model: model.unlink(), "is missing"),
    ],
)
def test_a_damaged_or_missing_model_is_refused(tmp_path: Path, harm, why: str) -> None:  # type: ignore[no-untyped-def]
    run = write_run(tmp_path / "run", "skrl MLP 2x32")
    harm(run / "checkpoints/000001/model.pt")
    with pytest.raises(CheckpointError, match=why):
        build(run, tmp_path / "package")


def test_a_checkpoint_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no checkpoint '7'\. There are: 000001, last"):
        build(write_run(tmp_path / "run", "skrl MLP 2x32"), tmp_path / "package", checkpoint="7")
