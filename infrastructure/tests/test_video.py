"""Videos for people: whole, as long as they should be, and played by a real browser."""

import base64
import shutil
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from physai.infrastructure.video import BORDER, FAILURE, framed, tiled, write_video

CHROMIUM = shutil.which("chromium")


@pytest.fixture
def frames() -> NDArray[np.uint8]:
    """A second at 30 frames per second: the left half red, the right half blue."""
    picture = np.zeros((120, 160, 3), dtype=np.uint8)
    picture[:, :80] = (220, 20, 20)
    picture[:, 80:] = (20, 20, 220)
    return np.repeat(picture[None], 30, axis=0)


def test_a_video_holds_every_frame_at_its_rate(tmp_path: Path, frames: NDArray[np.uint8]) -> None:
    path = write_video(tmp_path / "out/film.mp4", frames, 30)
    with av.open(str(path)) as film:
        stream = film.streams.video[0]
        assert (stream.codec.canonical_name, stream.width, stream.height, stream.average_rate) == ("av1", 160, 120, 30)
        decoded = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(decoded) == 30
    assert np.abs(decoded[-1].astype(int) - frames[-1]).mean() < 5
    assert [entry.name for entry in path.parent.iterdir()] == ["film.mp4"]


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_browser_plays_it(tmp_path: Path, frames: NDArray[np.uint8]) -> None:
    from playwright.sync_api import sync_playwright

    content = base64.b64encode(write_video(tmp_path / "film.mp4", frames, 30).read_bytes()).decode()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.set_content(f'<video muted src="data:video/mp4;base64,{content}"></video><canvas width=160 height=120>')
        seen = page.evaluate(
            """async () => {
                const video = document.querySelector('video');
                const ended = new Promise((done, fail) => { video.onended = done; video.onerror = fail; });
                await video.play();
                await ended;
                const canvas = document.querySelector('canvas').getContext('2d');
                canvas.drawImage(video, 0, 0);
                const pixel = (x) => [...canvas.getImageData(x, 60, 1, 1).data].slice(0, 3);
                return { seconds: video.duration, left: pixel(40), right: pixel(120) };
            }"""
        )
        browser.close()
    assert seen["seconds"] == pytest.approx(1.0, abs=0.05)
    assert np.abs(np.array(seen["left"]) - (220, 20, 20)).max() < 30
    assert np.abs(np.array(seen["right"]) - (20, 20, 220)).max() < 30


def test_a_frame_leaves_the_picture_alone() -> None:
    picture = np.full((64, 64, 3), 10, dtype=np.uint8)
    seen = framed(picture, FAILURE)
    assert (seen[0] == FAILURE).all()
    assert (seen[:, -1] == FAILURE).all()
    assert (seen[BORDER:-BORDER, BORDER:-BORDER] == 10).all()
    assert (picture == 10).all()


def test_tiles_stand_row_by_row_and_the_last_row_is_filled_with_black() -> None:
    tiles = [np.full((2, 4, 3), value, dtype=np.uint8) for value in (1, 2, 3)]
    assert tiled(tiles)[:, :, 0].tolist() == [[1] * 4 + [2] * 4] * 2 + [[3] * 4 + [0] * 4] * 2
    assert tiled(tiles[:1]).shape == (2, 4, 3)
