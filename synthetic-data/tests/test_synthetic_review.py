import json
import re
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

from physai.infrastructure.contracts import DistractorRanges, PatternRanges, Variations
from physai.synthetic_data.cli import app
from physai.synthetic_data.errors import OtherPlanError
from physai.synthetic_data.generate import generate
from physai.synthetic_data.local import LocalBackend
from physai.synthetic_data.plan import make_plan
from physai.synthetic_data.review.diversity import diversity, effective_number, entropy_bits
from physai.synthetic_data.review.page import write_page
from physai.synthetic_data.review.quality import quality
from physai.synthetic_data.tests import arm
from physai.synthetic_data.verify.run import verify

sync_api = pytest.importorskip("playwright.sync_api")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("review")
    source = arm.write(folder / "ds", [24, 22, 26])
    variations = Variations(background=PatternRanges(share=0.5), objects=DistractorRanges(count=(1, 2)))
    plan = make_plan(source, variations)
    generate(plan, source, folder / "clips", LocalBackend())
    (folder / "clips/e0001-v00" / f"{arm.CAMERA}.mp4").write_bytes(b"torn")
    report = verify(plan, source, folder / "clips")
    return plan, source, folder / "clips", report


def test_different_pictures_count_and_copies_do_not():
    grey, black = np.full((32, 32, 3), 128, np.uint8), np.zeros((32, 32, 3), np.uint8)
    assert diversity([grey, grey, grey]).effective == 1.0
    assert diversity([grey, black]).effective == pytest.approx(2.0, abs=0.01)
    assert diversity([grey, black]).difference_levels == 128.0
    assert diversity([]).effective == 0.0
    # eigenvalues of [[1, a], [a, 1]] / 2 are (1 + a) / 2 and (1 - a) / 2; for a = 0.5: 0.75 and 0.25
    assert effective_number(np.array([[1, 0.5], [0.5, 1]])) == pytest.approx(0.75**-0.75 * 0.25**-0.25)
    assert entropy_bits(np.array([[0, 0, 0], [255, 255, 255]], np.uint8)) == 1.0


def test_a_report_tells_reasons_scores_and_what_is_covered_now(made):
    plan, source, clips, report = made
    told, shown = quality(plan, source, clips, report)
    assert told.reasons == {"digest": 1}
    assert [bool(clip.frames) for clip in shown] == [True, False, True]
    fit = next(score for score in told.scores if score.name == "fit")
    assert (len(fit.accepted), len(fit.rejected)) == (2, 0)
    assert (told.real.pictures, told.accepted.pictures, told.both.pictures) == (3, 2, 5)
    covered = {row.dimension: row for row in told.coverage}
    assert covered["brightness"].real <= covered["brightness"].accepted <= covered["brightness"].planned
    assert covered["objects.shape"].planned > 0
    with pytest.raises(OtherPlanError, match="Verify the clips"):
        quality(plan, source, clips, report.model_copy(update={"clips": report.clips[:1]}))


def test_the_page_needs_nothing_but_itself_and_tells_every_reason(made, tmp_path):
    plan, source, clips, report = made
    page = write_page(*quality(plan, source, clips, report), tmp_path / "quality.html").read_text()
    assert "2 of 3 clips may become data" in page
    assert "digest: the video is not the one that was generated" in page
    assert not re.search(r"(src|href)=\"(?!data:)", page)
    assert page.count("data:image/jpeg;base64,") == 3


@pytest.mark.parametrize("width", [1280, 420])
def test_it_fits_its_window_and_asks_for_nothing(made, tmp_path, width):
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    plan, source, clips, report = made
    file = write_page(*quality(plan, source, clips, report), tmp_path / "quality.html")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": width, "height": 900})
        asked, said = [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.goto(file.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.locator("svg circle").count() == 2 * 10  # two clips with ten scores each
        assert page.evaluate("[...document.images].every(image => image.naturalWidth > 0)")
        browser.close()
    assert [url for url in asked if not url.startswith("data:")] == [file.as_uri()]
    assert said == []


def test_the_command_writes_both(made, tmp_path):
    plan, source, clips, report = made
    plan.write(tmp_path / "plan.json")
    report.write(tmp_path / "report.json")
    arguments = [
        "report",
        tmp_path / "plan.json",
        source,
        clips,
        tmp_path / "report.json",
        "--output",
        tmp_path / "out",
    ]
    result = CliRunner().invoke(app, [*map(str, arguments), "--json"])
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout) == json.loads((tmp_path / "out/quality.json").read_text())
    assert (tmp_path / "out/quality.html").exists()
