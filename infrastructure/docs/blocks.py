"""Command blocks of a page, and the marks above them that say how they are run, or why not.

A block without a mark runs in CI. Marks are HTML comments right above the block, one statement a line:

    <!-- run: long -->                                     by `physai docs run --long`, too slow for each change
    <!-- not run: needs an Azure subscription -->          the whole block
    <!-- not run `physai jobs submit`: needs OSMO -->      lines that begin so
    <!-- exit 3 `physai evaluation gate`: too few -->      lines that begin so end with this code
    <!-- prepare: cp -r PACKAGE OUT/package -->            runs before it, is not shown
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ..specs.page import SHELL, Page, pages
from ..specs.problem import Problem, problem

COMMENT = re.compile(r"<!--\s*(.*?)\s*-->", re.DOTALL)
MARK = re.compile(r"(?P<what>run|not run|exit (?P<code>\d+)|prepare)(?: `(?P<line>[^`]+)`)?: *(?P<text>.+)$")
BEGINS = re.compile(r"(run|not run|exit|prepare)\b")
MIN_REASON = 8  # letters: shorter ones name nothing

When = Literal["quick", "long", "never"]


@dataclass
class CommandBlock:
    """One shell block with its marks."""

    page: Path
    """From the root of the repository."""
    line: int
    """Of its fence, from 1."""
    commands: list[str]
    """Its logical lines: continued lines and here-documents are one."""
    when: When = "quick"
    reason: str = ""
    """Why it is never run."""
    skipped: dict[str, str] = field(default_factory=dict)
    """Beginning of a line → why it is not run."""
    exits: dict[str, int] = field(default_factory=dict)
    """Beginning of a line → the exit code that is right."""
    prepare: list[str] = field(default_factory=list)
    wrong: list[Problem] = field(default_factory=list)
    """Marks that say nothing or fit nothing."""

    @property
    def runs(self) -> bool:
        """Whether any of it is run."""
        return self.when != "never" and any(self._reason(command) is None for command in self.commands)

    def script(self) -> str:
        """What bash is given: the lines that run, each with the exit code it must have."""
        lines = [*self.prepare]
        for command in self.commands:
            if self._reason(command) is not None:
                continue
            code = next((code for prefix, code in self.exits.items() if _fits(prefix, command)), 0)
            lines.append(_expecting(command, code) if code else command)
        return "\n".join(lines) + "\n"

    def _reason(self, command: str) -> str | None:
        return next((why for prefix, why in self.skipped.items() if _fits(prefix, command)), None)


def _fits(prefix: str, command: str) -> bool:
    return command.removeprefix("uv run ").startswith(prefix.removeprefix("uv run "))


def _expecting(command: str, code: int) -> str:
    return (
        f"set +e\n{command}\nactual=$?\nset -e\n"
        f'[ "$actual" -eq {code} ] || {{ echo "exit $actual, expected {code}" >&2; exit 1; }}'
    )


def blocks_of(page: Page) -> Iterator[CommandBlock]:
    """Command blocks of a page, in order."""
    marks: list[tuple[str, int]] = []
    for token in page.tokens:
        line = (token.map[0] if token.map else 0) + 1
        if token.type == "html_block":
            marks += [(text, line) for text in COMMENT.findall(token.content) if BEGINS.match(text)]
        elif token.type == "fence" and token.info.split(" ")[0] in SHELL:
            yield _block(page, line, token.content, marks)
            marks = []
        else:
            for text, at in marks:
                raise_at = CommandBlock(page.path, at, [], when="never", reason="is no block")
                raise_at.wrong.append(problem(page.path, at, f"the mark `{text[:60]}` stands above no command block."))
                yield raise_at
            marks = []


def _block(page: Page, line: int, content: str, marks: list[tuple[str, int]]) -> CommandBlock:
    block = CommandBlock(page.path, line, logical_lines(content))
    for text, at in marks:
        for part in text.splitlines():
            _apply(block, part.strip(), at)
    for prefix in (*block.skipped, *block.exits):
        if not any(_fits(prefix, command) for command in block.commands):
            block.wrong.append(problem(page.path, line, f"a mark is for `{prefix}`, and no line begins so."))
    return block


def _apply(block: CommandBlock, text: str, line: int) -> None:
    match = MARK.fullmatch(text)
    why = match["text"].strip() if match else ""
    if match is None:
        block.wrong.append(problem(block.page, line, f"`{text}` is no mark. See infrastructure/docs/blocks.py."))
    elif match["what"] == "prepare":
        block.prepare.append(why)
    elif match["what"] == "run":
        if why != "long":
            block.wrong.append(problem(block.page, line, f"`run: {why}` is unknown. Write `run: long`, or nothing."))
        block.when = "long"
    elif len(re.sub(r"[^a-zA-Z]", "", why)) < MIN_REASON:
        block.wrong.append(problem(block.page, line, f"`{text}` gives no reason. Say what the command needs."))
    elif match["what"] == "not run" and match["line"]:
        block.skipped[match["line"]] = why
    elif match["what"] == "not run":
        block.when, block.reason = "never", why
    elif match["line"]:
        block.exits[match["line"]] = int(match["code"])
    else:
        block.wrong.append(problem(block.page, line, f"`{text}` names no line. Write exit CODE `beginning`: why."))


def logical_lines(text: str) -> list[str]:
    """Commands of a script: continued lines and here-documents are one; comments are left out."""
    commands: list[str] = []
    held: list[str] = []
    end = ""
    for line in text.splitlines():
        held.append(line)
        if end:
            end = "" if line.strip() == end else end
        elif here := re.search(r"<<-?\s*['\"]?(\w+)", line):
            end = here[1]
        if end or line.endswith("\\"):
            continue
        command = "\n".join(held)
        held = []
        if command.strip() and not command.lstrip().startswith("#"):
            commands.append(command)
    return commands + (["\n".join(held)] if held else [])


def all_blocks(root: Path) -> Iterator[CommandBlock]:
    """Command blocks of every page of a repository but the skills', whose tasks `scripts/skills` judges."""
    for page in pages(root):
        if page.path.parts[0] != ".github":
            yield from blocks_of(page)


def check_blocks(root: Path) -> list[Problem]:
    """Marks that say nothing or fit nothing: a block with a good mark, or none, is run or tells why not."""
    return [wrong for block in all_blocks(root) for wrong in block.wrong]
