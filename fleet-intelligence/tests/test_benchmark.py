import numpy as np
import pytest

from physai.fleet_intelligence.benchmark.drift import AFTER, BASELINE, BEFORE, CLEAN, LEVEL, our_delay
from physai.fleet_intelligence.drift.operating import operating


def test_a_sample_is_counted_as_worked_by_hand() -> None:
    """All fail at once, or never: both streams' charts call at their least number of episodes, and never in vain."""
    streams = {
        "baseline": np.arange(BASELINE)[None, :] % 10 > 0,
        "drop": np.zeros((1, 100), dtype=bool),
        "clean": np.ones((1, 100), dtype=bool),
    }
    found = our_delay(streams)
    assert found.median == found.p90 <= 20
    assert (found.missed, found.false_alarms) == (0.0, 0.0)


@pytest.mark.slow
def test_the_measured_drop_is_found_as_soon_as_promised() -> None:
    """Exact, over every likely evaluation of 200 episodes; a property of the method, not of this machine."""
    found = operating(BEFORE, BASELINE, AFTER, 600, LEVEL)
    assert found.median_episodes is not None
    assert found.p90_episodes is not None
    assert found.median_episodes <= 65
    assert found.p90_episodes <= 140
    assert operating(BEFORE, BASELINE, BEFORE, CLEAN, LEVEL).found <= 0.45
