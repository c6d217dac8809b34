"""A package against recorded episodes: numbers by hand, misfits by name."""

from pathlib import Path

import numpy as np
import pytest

from physai.evaluation.errors import EvaluationError
from physai.evaluation.examples.reach import ACTION, CHUNK, JOINTS, POSE, build_package
from physai.evaluation.metrics.agreement import dtw_distance, squared_errors
from physai.evaluation.offline import OfflineReport, replay
from physai.infrastructure.contracts import EpisodeSource, TensorSpec, digest_bytes
from physai.infrastructure.datasets import DatasetWriter, vector
from physai.infrastructure.fit import MisfitError
from physai.infrastructure.registry import manifest_digest

SOURCE = EpisodeSource(
    episode=0, source=digest_bytes(b"recording"), generator="expert", world="nominal", seed=0, outcome="success"
)
ROWS = 6


def write_dataset(
    root: Path,
    offset_rad: float = 0.0,
    fps: int = 30,
    joints: tuple[str, ...] = JOINTS,
    actions: tuple[str, ...] | None = None,
) -> Path:
    """Two episodes; the first joint rises by 0.1 a row, the action is the state plus an offset."""
    actions = actions or joints
    features = {
        "observation.state": vector(list(joints)),
        "observation.environment_state": vector(list(POSE)),
        "action": vector(list(actions)),
    }
    state = np.zeros((ROWS, 6), np.float32)
    state[:, 0] = 0.1 * np.arange(ROWS)
    with DatasetWriter(root, fps=fps, features=features, robot="ur10", task="Isaac-Reach-UR10") as writer:
        for _ in range(2):
            columns = {
                "observation.state": state,
                "observation.environment_state": np.zeros((ROWS, 7), np.float32),
                "action": (state + np.float32(offset_rad))[:, : len(actions)],
            }
            writer.add_episode(columns, source=SOURCE)
        writer.splits = {"train": 1, "heldout": 1}
    return root


def test_errors_are_counted_in_spans_of_what_was_recorded() -> None:
    errors = squared_errors(np.array([[1.0, 1.0]]), np.array([[0.0, 0.0]]), np.array([2.0, 0.0]))
    np.testing.assert_allclose(errors, [[0.25, 1.0]])  # (1 / 2)^2; an action that never moved counts as it is


def test_the_same_path_at_another_speed_has_no_distance() -> None:
    slow = np.repeat(np.arange(5.0), 2)[:, None]
    assert dtw_distance(np.arange(5.0)[:, None], slow) == 0.0


def test_a_path_that_runs_beside_has_its_distance() -> None:
    path = np.zeros((4, 2))
    assert dtw_distance(path + np.array([3.0, 4.0]), path) == pytest.approx(5.0)


def test_a_policy_that_does_what_was_recorded_has_no_error_at_its_first_step(tmp_path: Path, package: Path) -> None:
    dataset = write_dataset(tmp_path / "ds")
    report = replay(dataset, package, "heldout")
    assert (report.episodes, report.rows, report.nmse) == (1, ROWS, pytest.approx(0.0, abs=1e-12))
    assert report.package == manifest_digest(package)
    # it holds: k steps ahead the first joint is 0.1 k behind, of a span of 0.5, and one joint of six moves
    expected = [(0.1 * ahead / 0.5) ** 2 / 6 for ahead in range(CHUNK)]
    assert report.nmse_by_step == pytest.approx(expected, abs=1e-6)
    # two steps of each chunk are executed: 0, 0, 0.2, 0.2, 0.4, 0.4 against 0 to 0.5; every second row is 0.1 off,
    # and the alignment has no cheaper way than row by row but at the start
    assert report.dtw[0] <= 0.3 / 6 + 1e-6


def test_an_offset_is_an_error_of_its_size(tmp_path: Path, package: Path) -> None:
    report = replay(write_dataset(tmp_path / "ds", offset_rad=0.25), package, "heldout")
    assert report.joints[0].name == JOINTS[0]
    assert report.joints[0].mean_abs == pytest.approx(0.25, abs=1e-6)
    assert report.joints[0].nmse == pytest.approx((0.25 / 0.5) ** 2, abs=1e-5)
    assert OfflineReport.model_validate_json(report.model_dump_json()) == report


def test_a_split_that_is_not_there_is_named_with_those_that_are(tmp_path: Path, package: Path) -> None:
    with pytest.raises(EvaluationError, match=r"no episodes in split 'test'\. Splits: train, heldout"):
        replay(write_dataset(tmp_path / "ds"), package, "test")


def test_another_joint_order_or_rate_is_refused_by_name(tmp_path: Path, package: Path) -> None:
    with pytest.raises(MisfitError, match=r"order of 'observation\.state'"):
        replay(write_dataset(tmp_path / "swapped", joints=JOINTS[::-1]), package, "heldout")
    with pytest.raises(MisfitError, match="its rate is 30 Hz, the robot's is 20 Hz"):
        replay(write_dataset(tmp_path / "slow", fps=20), package, "heldout")


def test_actions_in_another_order_or_number_are_refused_by_name(tmp_path: Path, package: Path) -> None:
    with pytest.raises(MisfitError, match="order of 'action'"):
        replay(write_dataset(tmp_path / "swapped", actions=JOINTS[::-1]), package, "heldout")
    with pytest.raises(MisfitError, match=r"size of 'action' is \(6,\), the robot's is \(5,\)"):
        replay(write_dataset(tmp_path / "fewer", actions=JOINTS[:5]), package, "heldout")


def test_actions_that_a_package_does_not_name_have_the_names_of_the_dataset(tmp_path: Path) -> None:
    unnamed = (TensorSpec(name=ACTION, dtype="float32", shape=(CHUNK, 6)),)
    report = replay(
        write_dataset(tmp_path / "ds"), build_package(tmp_path / "package", outputs=unnamed, limits=()), "heldout"
    )
    assert [(joint.name, joint.unit) for joint in report.joints] == [(joint, "") for joint in JOINTS]
