"""The pages of the repository as a site's source: the same paths, links that leave the pages made absolute."""

import posixpath
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from ..specs.facts import table
from ..specs.page import Page, pages
from ..specs.specification import DOMAINS, FRONT, SUFFIX, read_specification, specification_files

REPOSITORY = "https://github.com/physai/physai"
PICTURES = frozenset({".png", ".svg", ".jpg"})
COMMENT = re.compile(r"^<!--.*?-->\n?", re.DOTALL | re.MULTILINE)
CONFIG = Path("docs/site.yml")


def staged_name(path: Path) -> Path:
    """Where a page lies in the site's source: a README is the index of its folder."""
    return path.with_name("index.md") if path.name == "README.md" else path


def site_pages(root: Path) -> Iterator[Page]:
    """Pages of the site: all but the skills, which are for agents."""
    return (page for page in pages(root) if page.path.parts[0] != ".github")


def stage(root: Path, folder: Path, fill: Callable[[Page], str] | None = None) -> None:
    """Write the site's source and configuration.

    Args:
        root: Root of the repository.
        folder: Empty folder; it gets `mkdocs.yml` and `pages/`.
        fill: Gives the text of a page; by default the text as it is.
    """
    known = {page.path for page in site_pages(root)}
    for page in site_pages(root):
        text = fill(page) if fill else page.text
        target = folder / "pages" / staged_name(page.path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_text(root, Page(page.path, text), known, folder / "pages"))
    settings: dict[str, Any] = yaml.safe_load((root / CONFIG).read_text())
    settings |= {"docs_dir": "pages", "site_dir": "html", "nav": navigation(root)}
    (folder / "mkdocs.yml").write_text(yaml.safe_dump(settings, sort_keys=False))


def navigation(root: Path) -> list[dict[str, Any]]:
    """The site's menu: a section for each domain, then what crosses them; every page is in it once."""
    paths = [page.path for page in site_pages(root)]
    sections: dict[str, list[dict[str, str]]] = {"Home": [], **{domain: [] for domain in DOMAINS}}
    for path in sorted(paths, key=_rank):
        sections.setdefault(_section(path), []).append({_title(root, path): staged_name(path).as_posix()})
    return [
        {name: next(iter(found[0].values())) if name == "Home" else found} for name, found in sections.items() if found
    ]


def _section(path: Path) -> str:
    if path == Path("README.md"):
        return "Home"
    folder = path.parts[1] if path.parts[0] == "docs" and len(path.parts) > 2 else path.parts[0]
    return folder if folder in (*DOMAINS, "simulation", "contributing") else "project"


def _rank(path: Path) -> tuple[int, str]:
    """Guide, tutorial, README, decisions, then specifications and the rest."""
    name = path.as_posix()
    order = [
        name.startswith("docs/") and path.name == "README.md",
        path.name == "tutorial.md",
        path.name == "README.md",
        path.name == "decisions.md",
        name.startswith("docs/"),
        name.endswith(SUFFIX),
    ]
    return (order.index(True) if True in order else len(order)), name


def _title(root: Path, path: Path) -> str:
    if path.name.endswith(SUFFIX):
        return f"Specification: {read_specification(root, path).title}"
    if path.name == "report.md" and "benchmarks" in path.parts:
        return f"Measured: {path.parent.name if path.parent.name != 'benchmarks' else path.parts[0]}"
    heading = re.search(r"^# (.+)$", (root / path).read_text(), re.MULTILINE)
    title = heading[1].replace("`", "") if heading else path.stem
    return f"In depth: {title}" if path.name == "README.md" and path.parts[0] in DOMAINS else title


def _text(root: Path, page: Page, known: set[Path], folder: Path) -> str:
    """A page for the site: links mended, front matter as a table, comments gone."""
    page = Page(page.path, COMMENT.sub("", FRONT.sub("", page.text)))
    lines = page.text.splitlines()
    for piece in page.links:
        target = _target(root, page, piece.text, known, folder)
        at = piece.line - 1
        lines[at] = lines[at].replace(f"]({piece.text})", f"]({target})")
    text = "\n".join(lines) + "\n"
    if page.path in set(specification_files(root)):
        text = re.sub(
            r"^(# .+)$", lambda head: f"{head[1]}\n\n{_head(root, page.path)}", text, count=1, flags=re.MULTILINE
        )
    return text


def _head(root: Path, path: Path) -> str:
    spec = read_specification(root, path)
    shown = "<br>".join(f"`{command}`" for command in spec.acceptance)
    return table(("id", "version", "status", "shown by"), [(f"`{spec.id}`", str(spec.version), spec.status, shown)])


def _target(root: Path, page: Page, link: str, known: set[Path], folder: Path) -> str:
    """Where a link leads on the site: to a page, to a picture that is copied, or to the repository."""
    if re.match(r"[a-z]+:", link) or link.startswith("#"):
        return link
    name, mark, anchor = link.partition("#")
    path = Path(posixpath.normpath((page.path.parent / name).as_posix()))
    here = staged_name(page.path).parent
    inside = next((page for page in (path, path / "README.md") if page in known), None)
    if inside is not None:
        return posixpath.relpath(staged_name(inside).as_posix(), here.as_posix()) + mark + anchor
    if path.suffix in PICTURES:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / path, folder / path)
        return posixpath.relpath(path.as_posix(), here.as_posix())
    return f"{REPOSITORY}/{'tree' if (root / path).is_dir() else 'blob'}/main/{path.as_posix()}{mark}{anchor}"
