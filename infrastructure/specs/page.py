"""One Markdown page: its generated blocks, code, links and headings, each with its line."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

BLOCK = re.compile(
    r"^<!-- facts(?:: (?P<kind>\S+)(?: (?P<name>[^\n]*?))?)? -->\n(?P<body>.*?)^<!-- /facts -->$",
    re.DOTALL | re.MULTILINE,
)
SHELL = frozenset({"bash", "sh", "shell", "console"})


@dataclass(frozen=True)
class Piece:
    """Some text of a page."""

    text: str
    line: int
    """From 1."""


@dataclass(frozen=True)
class Block:
    """A generated part of a page; without a kind it holds the facts of the page's own front matter."""

    kind: str | None
    name: str
    body: str
    line: int


@dataclass(frozen=True)
class Page:
    """A page of the repository."""

    path: Path
    """From the root of the repository."""
    text: str

    @property
    def blocks(self) -> Iterator[Block]:
        """Its generated blocks."""
        for match in BLOCK.finditer(self.text):
            yield Block(match["kind"], match["name"] or "", match["body"], self.text.count("\n", 0, match.start()) + 1)

    def filled(self, facts: Callable[[Block], str]) -> str:
        """Its text with every block written anew."""

        def fill(match: re.Match[str]) -> str:
            block = Block(match["kind"], match["name"] or "", match["body"], 0)
            head = match[0].partition("\n")[0]
            return f"{head}\n\n{facts(block)}\n\n<!-- /facts -->"

        return BLOCK.sub(fill, self.text)

    @cached_property
    def tokens(self) -> list[Token]:
        """What markdown-it makes of its prose."""
        # Front matter and generated text are not prose; blank lines in their place keep the line numbers.
        blank = lambda match: "\n" * match[0].count("\n")  # noqa: E731 - a name would say no more
        prose = BLOCK.sub(blank, re.sub(r"\A---\n.*?^---$", blank, self.text, flags=re.DOTALL | re.MULTILINE))
        return MarkdownIt("commonmark").enable("table").parse(prose)

    def _inline(self, kind: str) -> Iterator[tuple[Token, int]]:
        lines = self.text.splitlines()
        for token in self.tokens:
            if token.type != "inline" or token.map is None:
                continue
            for child in token.children or []:
                if child.type == kind:
                    wanted = child.content or str(child.attrGet("href") or child.attrGet("src"))
                    within = range(token.map[0], min(token.map[1], len(lines)))
                    yield child, next((number for number in within if wanted in lines[number]), token.map[0]) + 1

    @property
    def code(self) -> Iterator[Piece]:
        """Code within a line of prose."""
        for token, line in self._inline("code_inline"):
            yield Piece(token.content, line)

    @property
    def shell(self) -> Iterator[Piece]:
        """Command lines of shell blocks; continued lines are joined."""
        for token in self.tokens:
            if token.type == "fence" and token.map and token.info.split(" ")[0] in SHELL:
                yield from _command_lines(token.content, token.map[0] + 2)

    @property
    def links(self) -> Iterator[Piece]:
        """Targets of links and pictures."""
        for kind, attribute in (("link_open", "href"), ("image", "src")):
            for token, line in self._inline(kind):
                yield Piece(str(token.attrGet(attribute)), line)

    @property
    def anchors(self) -> frozenset[str]:
        """What a link may name after `#`, as GitHub makes it of headings."""
        heads = (self.tokens[i + 1] for i, token in enumerate(self.tokens) if token.type == "heading_open")
        return frozenset(_slug("".join(child.content for child in head.children or [])) for head in heads)


def _slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def _command_lines(text: str, first: int) -> Iterator[Piece]:
    held, start = "", first
    for number, line in enumerate(text.splitlines(), first):
        start = start if held else number
        if line.endswith("\\"):
            held += line[:-1]
            continue
        yield Piece((held + line).strip(), start)
        held = ""


def pages(root: Path) -> Iterator[Page]:
    """Every Markdown page of a repository; hidden folders but `.github` and installed packages are not walked."""
    for folder, folders, files in root.walk():
        folders[:] = sorted(n for n in folders if n == ".github" or not (n.startswith(".") or n == "node_modules"))
        if folder == root / "src":
            folders.clear()
        for name in sorted(files):
            if name.endswith(".md"):
                yield Page((folder / name).relative_to(root), (folder / name).read_text())
