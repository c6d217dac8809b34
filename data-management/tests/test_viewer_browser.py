"""The viewer in a real Chromium: browsing, scrubbing, judging, curating, launching, on a laptop and on a tablet."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from physai.data_management.annotations import Annotations
from physai.data_management.viewer.runs import Runs
from physai.infrastructure.datasets import Dataset

from .test_viewer_service import WORKFLOW
from .viewer_data import FPS, ROWS, Served, make_dataset, serving
from .viewer_page import CHROMIUM, READY, fits, settle, shown, wait

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("browser") / "data"
    make_dataset(root / "av1")
    make_dataset(root / "h264", codec="h264")
    make_dataset(root / "varied", parameters={"brightness": 1.2})
    return root


@pytest.fixture
def served(template: Path, tmp_path: Path) -> Iterator[Served]:
    shutil.copytree(template, tmp_path / "data")
    with serving(str(tmp_path / "data")) as found:
        yield found


def open_episode(page: Any, served: Served, name: str, episode: int, query: str = "") -> None:
    page.goto(f"{served.url}/datasets/{served.id(name)}/episodes/{episode}{query}")
    wait(page, READY)
    settle(page)


def test_a_person_finds_a_dataset_and_walks_through_its_episodes(page: Any, served: Served) -> None:
    page.goto(served.url)
    assert page.locator(".card h2").all_inner_texts() == ["av1", "h264", "varied"]
    page.fill("input[name=search]", "h2")
    page.click("text=Search")
    page.click(".card >> text=h264")
    page.wait_for_selector(".episode")
    assert page.locator(".episode").count() == 3
    page.click(".episode:nth-child(2) a")
    page.wait_for_url("**/episodes/1")
    assert "Put the cube into the ring" in page.inner_text(".instruction")
    wait(page, READY)
    page.keyboard.press("n")
    page.wait_for_url("**/episodes/2")
    wait(page, READY)
    page.keyboard.press("p")
    page.wait_for_url("**/episodes/1")


@pytest.mark.parametrize("codec", ["av1", "h264"])
def test_scrubbing_shows_the_very_frame_on_all_cameras_and_plots(page: Any, served: Served, codec: str) -> None:
    open_episode(page, served, codec, 1)
    assert [shown(page, 0), shown(page, 1)] == [(0, 1, 0), (0, 1, 1)]  # not the episode before it in the file
    page.evaluate("document.getElementById('episode').clock.toFrame(17)")
    settle(page)
    assert [shown(page, 0), shown(page, 1)] == [(17, 1, 0), (17, 1, 1)]
    page.keyboard.press("ArrowRight")
    settle(page)
    assert shown(page) == (18, 1, 0)
    page.keyboard.press("Home")
    page.keyboard.press("Shift+ArrowRight")
    settle(page)
    assert shown(page)[0] == FPS
    page.keyboard.press("End")
    settle(page)
    assert shown(page) == (ROWS - 1, 1, 0)  # not the episode after it
    assert f"{ROWS - 1} / {ROWS - 1}" in page.inner_text("#clock")
    box = page.locator(".plot .canvas").first.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + 20)
    settle(page)
    assert abs(shown(page)[0] - ROWS // 2) <= 1
    state = np.sin(np.linspace(0, 2 * np.pi, ROWS) + 1)[int(page.input_value("#scrub"))]
    assert float(page.locator(".plot output").first.inner_text()) == pytest.approx(state, abs=6e-4)


def test_playing_ends_at_the_episodes_own_last_frame(page: Any, served: Served) -> None:
    open_episode(page, served, "av1", 0)
    page.select_option("#speed", "4")
    page.keyboard.press(" ")
    wait(
        page, f"document.getElementById('scrub').value === '{ROWS - 1}' && !document.body.classList.contains('playing')"
    )
    settle(page)
    assert [shown(page, 0), shown(page, 1)] == [(ROWS - 1, 0, 0), (ROWS - 1, 0, 1)]


def test_two_episodes_play_side_by_side(page: Any, served: Served) -> None:
    open_episode(page, served, "av1", 0)
    page.fill("#against", f"{served.id('varied')}/2")
    page.click("#compare button")
    page.wait_for_url("**against=*")
    wait(page, READY)
    page.evaluate("document.getElementById('episode').clock.toFrame(9)")
    settle(page)
    assert page.locator("video").count() == 4
    assert [shown(page, 0), shown(page, 1)] == [(9, 0, 0), (9, 2, 0)]


def test_judging_by_mouse_and_keys_is_kept_and_marks_the_timeline(page: Any, served: Served, tmp_path: Path) -> None:
    open_episode(page, served, "av1", 0)
    page.keyboard.press("r")
    page.wait_for_selector("[data-review=reject][aria-pressed=true]")
    page.click("[data-rating='4']")
    page.wait_for_selector("[data-rating='4'].on")
    page.fill("form[data-kind=label] input", "<b>slips</b>")
    page.click("form[data-kind=label] button")
    page.wait_for_selector("#labels .label")
    assert "<b>slips</b>" in page.inner_text("#labels")  # text, not markup
    page.evaluate("document.getElementById('episode').clock.toFrame(12)")
    page.fill("form[data-kind=subtask] input", "grasp")
    page.click("form[data-kind=subtask] button")
    page.wait_for_selector("#marks button")
    marks = Annotations(Dataset(tmp_path / "data/av1")).marks(0)
    assert (marks.review, marks.rating, marks.labels) == ("reject", 4, ("<b>slips</b>",))
    assert (marks.subtasks[0].from_row, marks.subtasks[0].to_row, marks.subtasks[0].author) == (12, ROWS, "the admin")
    open_episode(page, served, "av1", 0)
    assert page.inner_text("#marks button") == "grasp"
    page.click("#marks button")
    settle(page)
    assert shown(page)[0] == 12
    page.goto(f"{served.url}/datasets/{served.id('av1')}")
    page.click("#quick >> text=rejected")
    wait(page, "document.querySelectorAll('.episode').length === 1")


def test_curating_previews_then_deletes_and_undo_brings_back(page: Any, served: Served, tmp_path: Path) -> None:
    page.goto(f"{served.url}/datasets/{served.id('av1')}")
    page.wait_for_selector(".episode")
    page.fill("#where", "outcome == 'failure'")
    page.click("#where-form button")
    wait(page, "document.querySelectorAll('.episode').length === 1")
    page.click("[data-operation=delete]")
    page.click("#look")
    page.wait_for_selector("#preview .change")
    assert "2 episodes" in page.inner_text("#preview")
    assert Dataset(tmp_path / "data/av1").num_episodes == 3
    page.click("#apply")
    wait(page, "document.querySelectorAll('.episode').length === 2 && document.querySelector('#undo:not(:disabled)')")
    assert Dataset(tmp_path / "data/av1").num_episodes == 2
    page.click("#undo")
    wait(page, "document.querySelectorAll('.episode').length === 3")
    assert Dataset(tmp_path / "data/av1").num_episodes == 3


def test_chosen_episodes_are_trained_on_and_the_run_is_followed(page: Any, served: Served, tmp_path: Path) -> None:
    file = tmp_path / "workflows/osmo/look.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(WORKFLOW)
    served.desk.runs = Runs([tmp_path])
    page.goto(f"{served.url}/datasets/{served.id('av1')}")
    page.check("[aria-label='Choose episode 0']")
    page.check("[aria-label='Choose episode 2']")
    page.click("#train")
    page.select_option("#launch-form [name=workflow]", "look")
    page.click("#launch")
    page.wait_for_url("**/runs/look-*", timeout=60_000)
    page.wait_for_selector("#status.COMPLETED", timeout=120_000)
    page.click(".task >> text=describe")
    wait(page, "document.getElementById('log').textContent.includes('2 of 30 to 30 rows')")
    page.goto(f"{served.url}/runs")
    assert "2 of 2" in page.inner_text("table")


def test_every_page_fits_its_screen_and_can_be_hit_by_a_finger(page: Any, served: Served) -> None:
    dataset = served.id("av1")
    served.finish(served.call("annotator", "POST", f"/api/datasets/{dataset}/quality"))
    paths = [
        "/",
        f"/datasets/{dataset}",
        f"/datasets/{dataset}/episodes/1",
        f"/datasets/{dataset}/episodes/1?against=0",
        "/runs",
    ]
    fits(page, served.url, paths, ".transport button, .selection button, nav a")
