"""The page in a real browser, at the widths of a laptop and a tablet."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from physai.fleet_intelligence.page import LapArtifacts, write_page

from .make_laps import make_lap

sync_api = pytest.importorskip("playwright.sync_api")

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("laps")
    one = make_lap(root / "lap-1", 1, video=True)
    two = make_lap(root / "lap-2", 2, parent=one, evaluated=(60, 64), production=(89, 96), video=True)
    write_page([LapArtifacts.of_run(one), LapArtifacts.of_run(two)], root / "out" / "index.html")
    return root / "out" / "index.html"


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
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_asks_for_nothing_and_plays_its_films(
    browser: sync_api.Browser, page_file: Path, width: int, scheme: str
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url[:60]))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(page_file.as_uri())
    page.wait_for_function("[...document.querySelectorAll('video')].every(video => video.readyState >= 2)")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate("document.querySelectorAll('video').length") == 4
    assert page.evaluate("document.querySelector('video').videoWidth") == 160
    assert [url for url in asked if not url.startswith("data:")] == [page_file.as_uri()[:60]]
    assert said == []
    assert page.evaluate(CLIPPED) == []
    page.close()


CLIPPED = """
[...document.querySelectorAll('svg')].flatMap(svg => {
  const box = svg.getBoundingClientRect();
  return [...svg.querySelectorAll('text')].filter(text => {
    const own = text.getBoundingClientRect();
    return own.left < box.left - 1 || own.right > box.right + 1;
  }).map(text => text.textContent);
})
"""


def test_the_recordings_unfold(browser: sync_api.Browser, page_file: Path) -> None:
    page = browser.new_page()
    page.goto(page_file.as_uri())
    assert page.get_by_text("episode-000000.mcap").first.is_hidden()
    page.get_by_text("Every MCAP file and its digest").first.click()
    assert page.get_by_text("episode-000000.mcap").first.is_visible()
    page.close()


def test_every_drawing_says_what_it_shows(browser: sync_api.Browser, page_file: Path) -> None:
    page = browser.new_page()
    page.goto(page_file.as_uri())
    labels = page.evaluate("[...document.querySelectorAll('svg[role=img]')].map(svg => svg.getAttribute('aria-label'))")
    assert len(labels) == 8
    assert all(labels)
    page.close()
