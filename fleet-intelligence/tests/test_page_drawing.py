from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from physai.fleet_intelligence.drift.check import check_drift, find_baseline
from physai.fleet_intelligence.drift.cusum import Level
from physai.fleet_intelligence.page.drift_chart import drift_chart
from physai.fleet_intelligence.page.gantt import clock_ticks
from physai.fleet_intelligence.page.training_chart import training_chart
from physai.infrastructure.contracts import EvaluationReport, TrainingSummary, digest_bytes
from physai.infrastructure.page.svg import Scale, duration, p_value, percent, points, tag, ticks

from .make_laps import event, outcomes, result

POLICY = digest_bytes(b"policy")


def test_text_and_attributes_are_escaped() -> None:
    assert str(tag("text", "<b>&", class_='"x"', stroke_width=1.50, y=None)) == (
        '<text class="&#34;x&#34;" stroke-width="1.5">&lt;b&gt;&amp;</text>'
    )


def test_a_scale_is_straight() -> None:
    scale = Scale(0, 10, 100, 300)
    assert [scale(value) for value in (0, 5, 10, 20)] == [100, 200, 300, 500]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 96, [0, 20, 40, 60, 80]), (-2.1, 4.8, [-2, 0, 2, 4]), (0, 0.7, [0, 0.2, 0.4, 0.6]), (3, 3, [3])],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high, 5) == pytest.approx(expected)


@given(low=st.floats(-1e6, 1e6), width=st.floats(1e-3, 1e6))
def test_ticks_lie_between_their_bounds(low: float, width: float) -> None:
    for value in ticks(low, low + width, 5):
        assert low - 1e-6 * width - 1e-6 <= value <= low + width + 1e-6 * width + 1e-6


def test_clock_ticks_are_few_and_whole() -> None:
    assert clock_ticks(421) == [0, 120, 240, 360]
    assert clock_ticks(0.4) == [0]
    assert clock_ticks(50_000) == [0, 21600, 43200]


def test_numbers_are_written_for_people() -> None:
    assert [duration(seconds) for seconds in (0.04, 9.94, 9.96, 59.4, 59.6, 80, 3600, 7500)] == [
        "0.0 s", "9.9 s", "10 s", "59 s", "1 min", "1 min 20 s", "1 h", "2 h 05 min",
    ]  # fmt: skip
    assert (percent(0.906), points(0.5), points(-0.493)) == ("91 %", "+50", "\N{MINUS SIGN}49")
    assert points(-0.001) == "0"
    assert (p_value(0.0123), p_value(1e-9)) == ("= 0.012", "< 0.0001")


@pytest.mark.parametrize(("successes", "episodes"), [(0, 8), (40, 96), (96, 96), (300, 600)])
def test_any_drift_report_can_be_drawn_within_its_frame(successes: int, episodes: int) -> None:
    report = EvaluationReport(task="t", world="w", conditions=POLICY, policies=(result("candidate", POLICY, 54, 60),))
    happened = outcomes(successes, episodes)
    events = [event(index, success, POLICY) for index, success in enumerate(happened)]
    drawn = ElementTree.fromstring(
        str(drift_chart(check_drift(report, find_baseline(report, POLICY, "r"), events, Level(0.05, 100)), happened))
    )
    _, _, width, height = map(float, drawn.get("viewBox").split())
    for circle in drawn.iter("circle"):
        assert 0 <= float(circle.get("cx")) <= width
        assert 0 <= float(circle.get("cy")) <= height
    places = next(path for path in drawn.iter("path")).get("d").removeprefix("M").split("L")
    for place in places:
        x, y = map(float, place.split())
        assert 0 <= x <= width
        assert 0 <= y <= height


def training(steps: tuple[int, ...], loss: tuple[float, ...], **fields: object) -> TrainingSummary:
    return TrainingSummary(
        run_id="r", policy="act", dataset=POLICY, parameters=1, seconds=1.0, steps=steps, loss=loss, **fields
    )


def test_training_curves_of_any_shape_can_be_drawn() -> None:
    assert training_chart(training((), ())) is None
    assert training_chart(training((1,), (0.0,))) is None
    for drawn in (
        training_chart(training((0,), (1.0,))),
        training_chart(training((1, 2), (1e-9, 1e6))),
        training_chart(training((), (), heldout_steps=(10,), heldout_loss=(0.5,))),
    ):
        assert drawn is not None
        assert ElementTree.fromstring(str(drawn)).tag == "svg"
