"""The page of a conversion: topics first, then episodes with the worst on top."""

import pytest

from physai.data_pipeline.convert.page import page, topics_of
from physai.data_pipeline.convert.report import ConvertReport, EpisodeTiming, TopicTiming


def timing(number: int, rows: int, mean_s: float, worst_s: float) -> EpisodeTiming:
    skew = (0.0, worst_s * 1e3)
    topic = TopicTiming(topic="/joints", worst_skew_s=worst_s, mean_skew_s=mean_s, repeated=1, skew_ms=skew)
    return EpisodeTiming(episode=number, source=f"episode-{number}.mcap", rows=rows, topics=(topic,))


def report(*timings: EpisodeTiming) -> ConvertReport:
    return ConvertReport(
        verdict="WARN",
        reasons=("one <late> message",),
        dataset="out/dataset",
        content="sha256:" + "0" * 64,
        episodes=len(timings),
        rows=sum(timing.rows for timing in timings),
        rate_hz=30,
        frames={},
        worst_skew_s={},
        dropped=(),
        timing=timings,
    )


def test_a_topic_is_summed_up_over_all_episodes_by_their_rows() -> None:
    (found,) = topics_of(report(timing(0, 10, 0.001, 0.002), timing(1, 30, 0.003, 0.008)))
    assert (found.name, found.repeated, found.episode) == ("/joints", 2, 1)
    assert found.worst_ms == 8.0
    assert found.mean_ms == pytest.approx(2.5)  # (10 * 1 + 30 * 3) / 40


def test_the_worst_episode_comes_first_and_is_open() -> None:
    told = page(report(timing(0, 10, 0.001, 0.002), timing(1, 30, 0.003, 0.008)))
    assert told.index("episode-1.mcap, worst 8.00 ms") < told.index("episode-0.mcap, worst 2.00 ms")
    assert told.count("<details open>") == 1
    assert 'points="0.0,38.0 320.0,2.0"' in told  # 0 ms at the bottom, 8 of 8 ms at the top
    assert "one &lt;late&gt; message" in told
