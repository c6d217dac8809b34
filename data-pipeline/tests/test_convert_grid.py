import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from physai.data_pipeline.convert.grid import SLACK, allowed_skew_s, common_grid, hold

MS = 1_000_000


def stamps(*ms):
    return np.array(ms, dtype=np.int64) * MS


def test_rows_begin_when_all_have_spoken_and_end_when_the_first_falls_silent():
    grid = common_grid({"a": stamps(0, 100, 200, 300, 400), "b": stamps(150, 250, 350)}, rate_hz=20)
    assert (grid / MS).tolist() == [150, 200, 250, 300, 350]  # 20 Hz: every 50 ms


def test_a_topic_that_spoke_once_states_a_constant():
    grid = common_grid({"a": stamps(0, 50, 100), "target": stamps(0)}, rate_hz=20)
    assert (grid / MS).tolist() == [0, 50, 100]


def test_topics_that_do_not_overlap_have_no_rows():
    assert len(common_grid({"a": stamps(0, 50), "b": stamps(100, 150)}, rate_hz=20)) == 0


def test_the_latest_value_is_held():
    assert hold(stamps(0, 100, 130), stamps(0, 50, 100, 150), rate_hz=20).tolist() == [0, 0, 1, 2]


def test_a_stamp_rounded_up_by_a_nanosecond_still_counts_for_its_row():
    third = np.array([0, 33333334, 66666667], dtype=np.int64)  # 30 Hz, rounded to whole nanoseconds, one of them up
    grid = common_grid({"a": third}, rate_hz=30)
    assert grid.tolist() == [0, 33333333, 66666667]
    assert hold(third, grid, rate_hz=30).tolist() == [0, 1, 2]


def test_one_lost_message_is_not_forgiven():
    at_20_hz = stamps(0, 50, 100, 150)
    assert allowed_skew_s(at_20_hz, rate_hz=20) == pytest.approx(0.075)  # 1.5 x 50 ms
    assert allowed_skew_s(stamps(0, 100, 200), rate_hz=20) == pytest.approx(0.15)  # a slower topic: 1.5 x 100 ms
    assert allowed_skew_s(stamps(0), rate_hz=20) == float("inf")


ascending = st.lists(st.integers(0, 5_000), min_size=1, max_size=40).map(lambda ms: stamps(*sorted(ms)))


@given(st.dictionaries(st.sampled_from("abc"), ascending, min_size=1), st.integers(1, 100))
def test_every_row_holds_the_latest_message_that_is_not_after_it(topics, rate_hz):
    grid = common_grid(topics, rate_hz)
    slack = SLACK * 1e9 / rate_hz
    for times in topics.values():
        for row, index in zip(grid, hold(times, grid, rate_hz), strict=True):
            assert index >= 0
            assert times[index] <= row + slack
            assert index == len(times) - 1 or times[index + 1] > row + slack - 1


@given(st.dictionaries(st.sampled_from("abc"), ascending, min_size=1), st.integers(1, 100))
def test_rows_are_evenly_spaced_and_within_all_topics(topics, rate_hz):
    grid = common_grid(topics, rate_hz)
    assert np.all(np.abs(np.diff(grid) - 1e9 / rate_hz) <= 1)
    slack = SLACK * 1e9 / rate_hz + 1
    for times in topics.values():
        assert len(grid) == 0 or grid[0] >= times[0]
        assert len(grid) == 0 or len(times) == 1 or grid[-1] <= times[-1] + slack
