"""Links of a built site: each that stays inside leads to a page, and to a heading of it."""

from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import override
from urllib.parse import unquote, urlsplit


class _Parsed(HTMLParser):
    """Targets and marks of one HTML page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.marks: set[str] = set()
        self.feed(text)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value for name, value in attrs if value}
        self.marks |= {found[name] for name in ("id", "name") if name in found}
        self.targets += [found[name] for name in ("href", "src") if name in found]


@cache
def _parsed(path: Path) -> _Parsed:
    return _Parsed(path.read_text())


def broken_links(site: Path) -> list[str]:
    """Links inside a built site that lead nowhere, as `page: target`.

    Args:
        site: Folder of the built site.
    """
    broken = []
    for page in sorted(site.rglob("*.html")):
        if page.name == "404.html":  # its links are made for the address it is served at
            continue
        broken += [
            f"{page.relative_to(site)}: {target}" for target in _parsed(page).targets if _is_broken(page, target)
        ]
    return broken


def _is_broken(page: Path, target: str) -> bool:
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        return False
    path = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    path = path / "index.html" if path.is_dir() else path
    if not path.is_file():
        return True
    mark = unquote(parts.fragment)
    return bool(mark) and path.suffix == ".html" and mark not in _parsed(path).marks | {"__top"}
