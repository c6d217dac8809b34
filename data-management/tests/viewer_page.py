"""What tests ask a page in Chromium."""

import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

CHROMIUM = shutil.which("chromium")
SIZES = {"laptop": (1366, 768), "tablet, flat": (1024, 768), "tablet, upright": (768, 1024), "phone": (390, 844)}
READY = "document.getElementById('episode')?.clock !== undefined"
SEEN = """(number) => {
    const video = document.querySelectorAll('video')[number];
    const canvas = Object.assign(document.createElement('canvas'), { width: 8, height: 8 });
    const pen = canvas.getContext('2d');
    pen.drawImage(video, 0, 0, 8, 8);
    return [...pen.getImageData(4, 4, 1, 1).data].slice(0, 3);
}"""


def wait(page: Any, condition: str) -> None:
    """Ask until it is true; Playwright's own waiting evaluates text, which the content policy forbids."""
    from playwright.sync_api import Error

    deadline = time.monotonic() + 30
    while True:
        with suppress(Error):  # the page is being loaded anew
            if page.evaluate(condition):
                return
        assert time.monotonic() < deadline, condition
        page.wait_for_timeout(30)


def settle(page: Any) -> None:
    """Wait until every film shows the frame it was sent to."""
    wait(page, "[...document.querySelectorAll('video')].every((v) => v.readyState >= 2 && !v.seeking)")
    page.wait_for_timeout(100)


def shown(page: Any, film: int = 0) -> tuple[int, int, int]:
    """Row, episode and camera by the colours of the picture, see `viewer_data.frames`."""
    red, green, blue = page.evaluate(SEEN, film)
    return round(red / 8), round((green - 40) / 60), round(blue / 200)


def fits(page: Any, url: str, paths: Iterable[str], buttons: str) -> None:
    """Refuse pages that are wider than a screen of any size, or have a button too low for a finger."""
    for width, height in SIZES.values():
        page.set_viewport_size({"width": width, "height": height})
        for path in paths:
            page.goto(url + path)
            page.wait_for_load_state("networkidle")
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (path, width)
            heights = f"[...document.querySelectorAll('{buttons}')].map((each) => each.offsetHeight || 99)"
            assert page.evaluate(f"Math.min(99, ...{heights})") >= 40, (path, width)
