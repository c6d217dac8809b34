import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from physai.infrastructure.datasets import Dataset
from physai.infrastructure.datasets.stats import (
    aggregate,
    column_stats,
    counting_stats,
    image_stats,
    sample_indices,
)
from physai.infrastructure.tests.datasets_samples import CAMERA, write


def test_statistics_of_a_column_are_those_worked_by_hand():
    stats = column_stats(np.array([[1.0], [2.0], [3.0], [6.0]]))
    assert stats["min"].tolist() == [1.0]
    assert stats["max"].tolist() == [6.0]
    assert stats["mean"].tolist() == [3.0]  # (1 + 2 + 3 + 6) / 4
    assert stats["std"] == pytest.approx([np.sqrt(3.5)])  # (4 + 1 + 0 + 9) / 4
    assert stats["count"].tolist() == [4]


def test_a_quantile_is_read_from_the_bin_in_which_it_falls():
    stats = column_stats(np.arange(100.0))  # 0 … 99: half of the mass lies at or below 49
    bin_width = 99 / 5000
    assert stats["q50"] == pytest.approx([49], abs=bin_width)
    assert stats["q01"] == pytest.approx([0], abs=bin_width)
    assert stats["q99"] == pytest.approx([98], abs=bin_width)


def test_a_single_row_is_its_own_quantile():
    stats = column_stats(np.array([[7.0, -2.0]]))
    assert stats["std"].tolist() == [0.0, 0.0]
    assert stats["q01"].tolist() == stats["q99"].tolist() == [7.0, -2.0]


def test_a_constant_has_no_spread_at_all():
    stats = column_stats(np.full((50, 1), np.float32(0.1)))
    assert stats["std"].tolist() == [0.0]
    assert np.float32(stats["mean"][0]) == np.float32(0.1)


def test_images_are_measured_per_channel_between_0_and_1():
    frames = np.zeros((2, 64, 64, 3), np.uint8)
    frames[1, ..., 0] = 255
    frames[..., 2] = 51
    stats = image_stats(frames)
    assert stats["mean"].shape == (3, 1, 1)
    assert stats["mean"].ravel() == pytest.approx([0.5, 0.0, 0.2])  # 51 / 255 = 0.2
    assert stats["std"].ravel() == pytest.approx([0.5, 0.0, 0.0])
    assert stats["count"].tolist() == [2]


@pytest.mark.parametrize(("rows", "samples"), [(1, 1), (60, 60), (100, 100), (500, 105), (1000, 177), (2000, 299)])
def test_long_episodes_are_sampled_as_lerobot_does(rows, samples):
    indices = sample_indices(rows)
    assert len(indices) == samples
    assert (indices[0], indices[-1]) == (0, rows - 1)


def test_large_images_are_thinned_out():
    frames = np.zeros((1, 320, 480, 3), np.uint8)
    frames[:, ::3, ::3] = 255  # 480 // 150 = 3: exactly the pixels that are looked at
    assert image_stats(frames)["mean"].ravel() == pytest.approx([1.0, 1.0, 1.0])


finite = st.floats(-1e3, 1e3, width=32)


@given(st.lists(arrays(np.float32, st.tuples(st.integers(1, 20), st.just(2)), elements=finite), min_size=1, max_size=5))
def test_aggregated_episodes_have_the_mean_and_spread_of_all_rows(episodes):
    total = aggregate([{"x": column_stats(rows)} for rows in episodes])["x"]
    rows = np.concatenate(episodes).astype(np.float64)
    assert total["mean"] == pytest.approx(rows.mean(axis=0), abs=1e-6)
    assert total["std"] == pytest.approx(rows.std(axis=0), abs=1e-5)
    assert total["min"].tolist() == rows.min(axis=0).tolist()
    assert total["count"].tolist() == [len(rows)]


episodes = st.tuples(st.integers(0, 10**8), st.integers(1, 20_000))


@given(st.lists(episodes, min_size=1, max_size=3), st.sampled_from([0, 1]))
def test_columns_that_count_have_the_statistics_that_their_rows_have(several, step):
    first, rows = np.array(several).T
    at_once = counting_stats(first, rows, step)
    each = [column_stats(start + step * np.arange(length)) for start, length in several]
    for name, values in at_once.items():
        assert values.tolist() == [stats[name].tolist() for stats in each]


def test_part_of_an_episode_has_the_statistics_of_its_frames(tmp_path):
    dataset = Dataset(write(tmp_path / "ds", [4, 120], cameras=True))
    of_part = dataset.camera_stats(1, CAMERA, 3, 113)
    of_frames = image_stats(dataset.frames(1, CAMERA)[3:113])
    assert all(np.array_equal(of_part[name], of_frames[name]) for name in of_frames)
