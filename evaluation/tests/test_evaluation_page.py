"""The page of an evaluation: what it says, and how it looks in a real browser."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from physai.evaluation.metrics import compare_sequentially
from physai.evaluation.page import write_page
from physai.evaluation.page.build import _figure, failures, kpi_rows
from physai.evaluation.page.sequence_chart import walk_of
from physai.evaluation.report import make_report
from physai.evaluation.sil.film import TILE, grid
from physai.infrastructure.contracts import ConditionSet, EvaluationReport, SequentialDesign
from physai.infrastructure.video import write_video

from .conftest import draw_conditions, make_result

sync_api = pytest.importorskip("playwright.sync_api")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
Make = Callable[..., EvaluationReport]


def folder_of(root: Path, report: EvaluationReport) -> Path:
    report.write(root / "report.json")
    draw_conditions(len(report.policies[0].episodes)).write(root / "conditions.json")
    return root


def sequential() -> EvaluationReport:
    pair = make_result("candidate", [True] * 12), make_result("champion", [False] * 12)
    return make_report(draw_conditions(12), pair, compare_sequentially(*pair, SequentialDesign()))


def test_it_tells_rates_comparison_and_failures(tmp_path: Path, make_evaluation: Make) -> None:
    report = make_evaluation(candidate=[True, False, True, False], expert=[True] * 4)
    page = write_page(folder_of(tmp_path, report)).read_text()
    assert "Candidate succeeds on 2 of 4 conditions" in page
    assert "<b>\N{MINUS SIGN}50 points</b>" in page
    assert page.count("<td>0.50, 0.00, 0.30</td>") == 2
    assert "<td>expert</td>" in page
    assert report.conditions in page


def test_the_worst_failure_comes_first(make_evaluation: Make) -> None:
    report = make_evaluation(candidate=[False, True, False], expert=[True, True, False])
    found = failures(report, ConditionSet.model_validate(draw_conditions(3).model_dump()))
    assert [(failure.condition, failure.others) for failure in found] == [(2, "nobody"), (0, "expert")]


def film(path: Path, outcomes: list[bool]) -> None:
    tiles = np.stack([np.full((TILE.height, TILE.width, 3), 60 + 40 * row, np.uint8) for row in range(4)])
    write_video(path, np.stack([grid(tiles, np.array(outcomes)) for _ in range(3)]), 15)


def test_filmed_failures_are_shown_as_they_ended_and_the_film_begins_with_a_picture(
    tmp_path: Path, make_evaluation: Make
) -> None:
    outcomes = [True, False, True, False, False]
    film(tmp_path / "rollout.mp4", outcomes[:4])
    page = write_page(folder_of(tmp_path, make_evaluation(candidate=outcomes))).read_text()
    assert page.count("<img src=") == 2, "the fifth was not filmed"
    assert "condition 3, at its end: 0.030 m off" in page
    assert page.count('poster="data:image/png') == 1


def test_the_median_of_an_even_number_is_between_the_two_in_the_middle() -> None:
    result = make_result("candidate", [True] * 4)
    pairs = zip(result.episodes, (1.0, 2.0, 4.0, 9.0), strict=True)
    episodes = tuple(episode.model_copy(update={"kpis": {"error": value}}) for episode, value in pairs)
    assert kpi_rows((result.model_copy(update={"episodes": episodes}),)) == [("error", ["3"])]


def test_figures_have_true_minus_signs_and_no_exponent() -> None:
    minus, space = "\N{MINUS SIGN}", "\N{NARROW NO-BREAK SPACE}"
    assert [_figure(value) for value in (-1.764, 13_412.0, 0.0231)] == [f"{minus}1.76", f"13{space}400", "0.0231"]
    assert [_figure(value) for value in (999.7, -2.5e-6, 40.0)] == [f"1{space}000", f"{minus}0.0000025", "40"]


def test_a_sequential_comparison_is_told_with_its_walk(tmp_path: Path) -> None:
    report = sequential()
    assert report.sequential is not None
    assert walk_of(report, report.sequential)[-1] == pytest.approx(report.sequential.statistic)
    page = write_page(folder_of(tmp_path, report)).read_text()
    assert "12 of 12 conditions: better than the champion" in page
    assert "Decided after 10 conditions" in page
    assert "McNemar" not in page  # an interval for a fixed number of episodes would be too narrow


def test_what_a_report_says_is_escaped(tmp_path: Path, make_evaluation: Make) -> None:
    report = make_evaluation(candidate=[True, False]).model_copy(update={"world": "<script>alert(1)</script>"})
    page = write_page(folder_of(tmp_path, report)).read_text()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield started
        started.close()


@pytest.mark.parametrize("width", [1280, 820])
def test_it_fits_a_laptop_and_a_tablet_and_asks_for_nothing(
    browser: "sync_api.Browser", tmp_path: Path, width: int
) -> None:
    page_file = write_page(folder_of(tmp_path, sequential()))
    page = browser.new_page(viewport={"width": width, "height": 900})
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(page_file.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.locator("svg").count() == 3
    assert (asked, said) == ([page_file.as_uri()], [])
    page.close()
