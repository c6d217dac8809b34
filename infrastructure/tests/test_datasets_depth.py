"""Depth in datasets. What LeRobot makes of it is in `test_datasets_lerobot.py`."""

import numpy as np
import pytest

from physai.infrastructure.datasets import Dataset, DatasetWriter, camera, depth_camera, vector
from physai.infrastructure.datasets.depth import LEROBOT, Scale, measured, picture
from physai.infrastructure.datasets.errors import FeatureError
from physai.infrastructure.datasets.info import check_features
from physai.infrastructure.datasets.stats import depth_stats

DEPTH = "observation.images.depth"


def written(root, frames, unit="mm"):
    features = {"action": vector(["a"]), DEPTH: depth_camera(*frames.shape[1:3], unit)}
    with DatasetWriter(root, fps=10, features=features, robot="arm", task="Reach") as writer:
        writer.add_episode({"action": np.zeros((len(frames), 1), np.float32)}, {DEPTH: frames})
    return Dataset(root)


def test_the_ends_of_the_scale_are_1_cm_and_10_m():
    codes = LEROBOT.codes(np.array([0, 10, 10_000, 60_000], np.uint16))
    assert codes.tolist() == [0, 0, 4095, 4095]
    assert LEROBOT.metres(codes) == pytest.approx([0.01, 0.01, 10, 10])


def test_a_step_at_one_metre_is_one_and_a_half_millimetres():
    # (1 + 3.5) m * ((10 + 3.5) / (0.01 + 3.5)) ** (1 / 4095) - 4.5 m = 1.4805 mm
    assert LEROBOT.step_m(np.array([1.0], np.float32)) == pytest.approx([1.4805e-3], rel=1e-3)


def test_a_linear_scale_of_another_recorder_is_read():
    scale = Scale.of({"video.depth_max": 4.105, "video.use_log": False})  # (4.105 - 0.01) / 4095 = 1 mm a code
    assert scale.metres(np.array([0, 1, 990], np.uint16)) == pytest.approx([0.01, 0.011, 1.0])


def test_nan_and_infinities_become_what_they_mean():
    image = np.array([np.nan, -np.inf, np.inf, 2.5], np.float32)
    assert measured(image).tolist() == [0, 0, 10, 2.5]


def test_what_was_not_measured_is_black_and_far_is_yellow():
    assert picture(np.array([0, 1, 4095], np.uint16)).tolist() == [[0, 0, 0], [68, 1, 84], [253, 231, 37]]


def test_statistics_are_in_the_unit_of_the_images():
    half = np.repeat(np.array([1000, 3000], np.uint16), 32 * 32).reshape(1, 64, 32)
    mm, m = depth_stats(half), depth_stats((half / 1000).astype(np.float32))
    assert (mm["min"].item(), mm["max"].item(), mm["mean"].item(), mm["std"].item()) == (1000, 3000, 2000, 1000)
    assert m["mean"].item() == pytest.approx(2.0)
    assert mm["mean"].shape == (1, 1, 1)


@pytest.mark.parametrize("width", [34, 50, 64])  # lines of a frame are padded in memory
def test_frames_of_any_width_come_back_within_half_a_step(tmp_path, width):
    frames = np.random.default_rng(0).integers(10, 10_000, (5, 36, width, 1), np.uint16)
    dataset = written(tmp_path / "ds", frames)
    wanted = LEROBOT.within(frames[..., 0])
    assert (np.abs(dataset.depth(0, DEPTH) - wanted) <= 0.51 * LEROBOT.step_m(wanted)).all()


def test_statistics_of_part_of_an_episode_are_in_its_unit_too(tmp_path):
    frames = np.full((6, 32, 32, 1), 1000, np.uint16)
    frames[3:] = 4000
    stats = written(tmp_path / "ds", frames).camera_stats(0, DEPTH, 3, 6)
    assert stats["mean"].item() == pytest.approx(4000, abs=1.3)  # half a step at 4 m: 7.5 m * 3.29e-4 / 2
    assert stats["count"].tolist() == [3]


def test_depth_is_no_colour_and_colour_no_depth(tmp_path):
    dataset = written(tmp_path / "ds", np.full((2, 32, 32, 1), 1000, np.uint16))
    with pytest.raises(FeatureError, match="is depth, which has no colours"):
        dataset.frames(0, DEPTH)
    features = {"action": vector(["a"]), "observation.images.top": camera(32, 32)}
    with DatasetWriter(tmp_path / "rgb", fps=10, features=features, robot="arm", task="Reach") as writer:
        top = np.zeros((2, 32, 32, 3), np.uint8)
        writer.add_episode({"action": np.zeros((2, 1), np.float32)}, {"observation.images.top": top})
    with pytest.raises(FeatureError, match="is no depth"):
        Dataset(tmp_path / "rgb").depth(0, "observation.images.top")


@pytest.mark.parametrize(
    ("feature", "detail"),
    [
        (depth_camera(32, 32, "mm").model_copy(update={"shape": (32, 32, 3)}), "is no depth frame"),
        (camera(32, 32).model_copy(update={"shape": (32, 32, 1)}), "is no RGB frame"),
        (depth_camera(32, 32, "inch"), "Give 'm' or 'mm'"),
    ],
)
def test_features_that_are_neither_are_refused(feature, detail):
    with pytest.raises(FeatureError, match=detail):
        check_features({DEPTH: feature})


@pytest.mark.parametrize(
    ("frames", "detail"),
    [
        (np.ones((2, 32, 32, 1), np.float32), "the feature says uint16"),
        (np.ones((2, 32, 32), np.uint16), "the feature says uint16"),
    ],
)
def test_frames_that_do_not_fit_are_refused(tmp_path, frames, detail):
    with pytest.raises(FeatureError, match=detail):
        written(tmp_path / "ds", frames)


def test_a_distance_that_is_not_finite_is_refused(tmp_path):
    with pytest.raises(FeatureError, match="Give 0 where nothing was measured"):
        written(tmp_path / "ds", np.full((2, 32, 32, 1), np.nan, np.float32), "m")
