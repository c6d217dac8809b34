"""A Chromium for the tests of the viewer's pages."""

from collections.abc import Iterator
from typing import Any

import pytest

from .viewer_data import Served
from .viewer_page import CHROMIUM


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One for a module: while it is there, Playwright's event loop stands in the way of any other in this thread."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


@pytest.fixture
def page(browser: Any, served: Served) -> Iterator[Any]:
    """A page of an admin on a laptop; an error of a script or of the content policy fails the test."""
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    context.add_cookies([{"name": "role", "value": "admin", "url": served.url}])
    made = context.new_page()
    wrong: list[str] = []
    made.on("pageerror", lambda error: wrong.append(str(error)))
    made.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    yield made
    context.close()
    assert wrong == []
