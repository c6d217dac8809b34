"""Every page against the code, and every part of the code against the specifications."""

import ast
import re
import shlex
from collections import Counter
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path

from ..aside import write_whole
from ..commands import commands, find, misuse
from ..contracts.catalog import CONTRACTS, files
from ..errors import PhysaiError
from ..settings import PREFIX, Settings
from .capabilities import capability_facts, lap_facts, measured_facts, proof_facts, undeclared
from .facts import (
    command_facts,
    commands_below,
    contract_facts,
    facts_of,
    setting_facts,
    terraform_facts,
    workflow_facts,
)
from .page import Block, Page, Piece, pages
from .problem import Problem, problem
from .requirements import TEST, requirements_of
from .specification import DOMAINS, SUFFIX, Specification, read_specification, specification_files

PLACEHOLDER = re.compile(r"[<>{}…|*$A-Z]|\.\.\.")
SETTING = re.compile(rf"\b{PREFIX}([A-Z_]+)\b")
WRITE = "Run `physai specs write` and commit the result."


def write(root: Path) -> list[Path]:
    """Write the generated blocks of every page anew.

    Returns:
        The pages that changed, by path from the root.

    Raises:
        PhysaiError: If a page asks for facts that there are not.
    """
    changed = []
    for page in pages(root):
        text = page.filled(partial(_facts, root, page))
        if text != page.text:
            write_whole(root / page.path, text.encode())
            changed.append(page.path)
    return changed


def check(root: Path) -> list[Problem]:
    """Look up every claim of every page.

    Args:
        root: Root of the repository.
    """
    found: list[Problem] = []
    for page in pages(root):
        found += _stale_blocks(root, page)
        found += _prose(root, page)
    specifications: dict[Path, Specification] = {}
    for path in specification_files(root):
        try:
            specifications[path] = read_specification(root, path)
        except PhysaiError as error:
            found.append(problem(path, 1, str(error).removeprefix(f"{path}: ")))
    for path, specification in specifications.items():
        found += _requirements(root, path, specification)
    return [*found, *undeclared(root, specifications.items()), *_uncovered(root, specifications)]


def _facts(root: Path, page: Page, block: Block) -> str:
    linking = {
        "capabilities": lambda: capability_facts(root, page.path, block.name),
        "proof": lambda: proof_facts(root, page.path),
        "measured": lambda: measured_facts(root, page.path, block.name),
        "laps": lambda: lap_facts(root, block.name),
    }
    if block.kind in linking:
        return linking[block.kind]()
    if block.kind:
        return facts_of(root, block.kind, block.name)
    return _own_facts(root, read_specification(root, page.path))


def _own_facts(root: Path, specification: Specification) -> str:
    """The facts of what a specification's front matter names."""
    parts = {
        "Commands": [command_facts(name) for name in specification.commands],
        "Contracts in": [contract_facts(name) for name in specification.contracts_in],
        "Contracts out": [contract_facts(name) for name in specification.contracts_out],
        "Settings": [setting_facts(specification.settings)] if specification.settings else [],
        "Workflows": [workflow_facts(root, name) for name in specification.workflows],
        "Terraform": [terraform_facts(root, name) for name in specification.terraform],
    }
    return "\n\n".join(f"### {title}\n\n{'\n\n'.join(found)}" for title, found in parts.items() if found)


def _stale_blocks(root: Path, page: Page) -> Iterator[Problem]:
    for block in page.blocks:
        try:
            wanted = _facts(root, page, block).splitlines()
        except PhysaiError as error:
            yield problem(page.path, block.line, str(error))
            continue
        there = block.body.strip().splitlines()
        if there != wanted:
            at = next(
                (i for i, (a, b) in enumerate(zip(there, wanted, strict=False)) if a != b), min(len(there), len(wanted))
            )
            says = wanted[at] if at < len(wanted) else "nothing more"
            yield problem(page.path, block.line + 2 + at, f"the code says: {says[:160]}. {WRITE}")
    if page.path.name.endswith(SUFFIX) and not any(block.kind is None for block in page.blocks):
        yield problem(page.path, 0, "has no generated facts. Add the lines `<!-- facts -->` and `<!-- /facts -->`.")


def _prose(root: Path, page: Page) -> Iterator[Problem]:
    for piece in page.shell:
        yield from _shell_line(page, piece)
    for piece in page.code:
        yield from _mention(page, piece)
        yield from _path(root, page, piece)
        yield from _settings(page, piece)
        yield from _test(root, page, piece)
    for piece in page.links:
        yield from _link(root, page, piece)


def _shell_line(page: Page, piece: Piece) -> Iterator[Problem]:
    """`physai` commands of a shell block, as their own parsers see them."""
    for line in re.split(r"\s(?:&&|\|\||[|;&])\s", re.sub(r"(^|\s)#.*$", "", piece.text)):
        match = re.match(r"(?:\w+=\S+ )*(?:uv run )?physai (.*?)(?:\s\d?[<>]+\s?\S+|\s&)*$", line.strip())
        if match is None or match[1].startswith("-"):  # options of `physai` itself
            continue
        try:
            words = shlex.split(match[1])
        except ValueError as error:
            yield problem(page.path, piece.line, f"`{line}`: {error}.")
            continue
        command, depth = find(words)
        message = command if isinstance(command, str) else misuse(command, words[depth:])
        if message and "does not exist" not in message and not PLACEHOLDER.search(_quoted(message)):
            yield problem(page.path, piece.line, f"`{line.strip()}`: {message}")


def _quoted(message: str) -> str:
    """What a parser's message quotes; `FOLDER` in the place of a value is no misuse."""
    return "".join(re.findall(r"'([^']*)' is not", message))


def _mention(page: Page, piece: Piece) -> Iterator[Problem]:
    """A `physai` command in prose: its words and options exist; it need not be whole."""
    match = re.match(r"(?:uv run )?physai (\S.*)$", piece.text)
    if match is None:
        return
    words = match[1].split()
    named = [word for word in words if not word.startswith("-")]
    stop = next((i for i, word in enumerate(named) if PLACEHOLDER.search(word)), len(named))
    path = " ".join(named[:stop])
    if not path:
        return
    command, depth = find(named[:stop])
    group = bool(commands_below(path))
    if isinstance(command, str):
        if not group:
            yield problem(page.path, piece.line, f"`{piece.text}`: {command}")
        return
    known = {name for param in command.params for name in (*param.opts, *param.secondary_opts)} | {"--help", "-h"}
    for word in words:
        option = re.split(r"[=\[|]", word)[0].rstrip("].,")
        if option.startswith("--") and option not in known:
            yield problem(page.path, piece.line, f"`{piece.text}`: `physai {' '.join(named[:depth])}` has no {option}.")


def _path(root: Path, page: Page, piece: Piece) -> Iterator[Problem]:
    """A path in prose that begins with a domain's folder, or that a command in prose is given."""
    if PLACEHOLDER.search(piece.text) or not re.match(
        rf"(?:{'|'.join(DOMAINS)}|scripts|docs|tests|shared|\.github)/[\w./-]+$", piece.text
    ):
        return
    if not (root / piece.text).exists() and not (root / page.path.parent / piece.text).exists():
        yield problem(page.path, piece.line, f"`{piece.text}` is not there. Correct the path.")


def _test(root: Path, page: Page, piece: Piece) -> Iterator[Problem]:
    match = TEST.fullmatch(piece.text)
    if match and match[2] not in _tests(root / match[1]):
        yield problem(page.path, piece.line, f"there is no test {piece.text}. Name one that is there.")


def _settings(page: Page, piece: Piece) -> Iterator[Problem]:
    for name in SETTING.findall(piece.text):
        if name.lower() not in Settings.model_fields:
            yield problem(
                page.path, piece.line, f"there is no setting {PREFIX}{name}. `physai settings show` lists them."
            )


def _link(root: Path, page: Page, piece: Piece) -> Iterator[Problem]:
    """A link inside the repository; those that leave it are not followed."""
    if re.match(r"[a-z]+:", piece.text):
        return
    target, _, anchor = piece.text.partition("#")
    path = (root / page.path.parent / target) if target else root / page.path
    if not path.exists():
        yield problem(page.path, piece.line, f"link to {piece.text}: no such file. Correct it.")
    elif anchor and path.suffix == ".md" and anchor not in _anchors(path):
        yield problem(page.path, piece.line, f"link to {piece.text}: no such heading. Correct it.")


@cache
def _anchors(path: Path) -> frozenset[str]:
    return Page(path, re.sub(r"^<!-- /?facts.*-->$", "", path.read_text(), flags=re.MULTILINE)).anchors


def _requirements(root: Path, path: Path, specification: Specification) -> Iterator[Problem]:
    """Requirements are numbered without gaps, each is answered by a test, and the acceptance can be run."""
    found = requirements_of((root / path).read_text())
    numbers = [number for number, _, _ in found]
    if numbers != list(range(1, len(numbers) + 1)) or not numbers:
        yield problem(path, 0, f"requirements are numbered {numbers}. Number them R1, R2, … without a gap.")
    for number, line, tests in found:
        if not tests and specification.status == "active":
            yield problem(path, line, f"R{number} names no test. Write `path/test_x.py::test_name` behind it.")
    if specification.status == "active" and not specification.acceptance:
        yield problem(path, 1, "is active without acceptance. Name a command that CI runs, or call it a draft.")
    for command in specification.acceptance:
        yield from _acceptance(root, path, command)
    yield from _words(root, path, specification)


def _words(root: Path, path: Path, specification: Specification) -> Iterator[Problem]:
    """What people look for by its words is there to be found."""
    guide = root / specification.guide.partition("#")[0]
    texts = [(root / path).read_text().split("\n---\n", 1)[-1], guide.read_text() if guide.is_file() else ""]
    told = " ".join(" ".join(texts).split()).casefold()
    for word in specification.words:
        if word.casefold() not in told:
            yield problem(path, 1, f"'{word}' is in `words`, and neither on this page nor in its guide. Tell of it.")


def _acceptance(root: Path, path: Path, command: str) -> Iterator[Problem]:
    words = command.split()
    if words[:3] == ["uv", "run", "pytest"]:
        for file in (word.partition("::")[0] for word in words[3:] if ".py" in word):
            if not _tests(root / file):
                yield problem(
                    path, 1, f"acceptance `{command}`: {file} is not there or has no test. CI would not run it."
                )
    elif words[:3] == ["uv", "run", "physai"]:
        if _ci_steps(root).find(f'"{'", "'.join(words[3:])}"') < 0 and words[3:] != [
            "flywheel",
            "--laps",
            "1",
            "--quick",
        ]:
            yield problem(path, 1, f"acceptance `{command}` is no step of scripts/test. Name one that CI runs.")
    else:
        yield problem(path, 1, f"acceptance `{command}` is neither `uv run pytest …` nor `uv run physai …`.")


@cache
def _ci_steps(root: Path) -> str:
    return (root / "scripts/test").read_text()


@cache
def _tests(path: Path) -> frozenset[str]:
    """Names of the test functions of a file."""
    if not path.is_file():
        return frozenset()
    tree = ast.walk(ast.parse(path.read_text()))
    functions = (node for node in tree if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(node.name for node in functions if node.name.startswith("test_")) | _machines(path)


def _machines(path: Path) -> frozenset[str]:
    """State machines of hypothesis are tests by name: `TestGate = Gate.TestCase`."""
    return frozenset(re.findall(r"^(Test\w+) = \w+\.TestCase$", path.read_text(), re.MULTILINE))


def _uncovered(root: Path, specifications: dict[Path, Specification]) -> Iterator[Problem]:
    """Every command stands in exactly one specification; every contract, workflow and module in at least one."""
    owners = Counter(
        words for spec in specifications.values() for name in spec.commands for words in commands_below(name)
    )
    for words in commands():
        if owners[words] != 1:
            said = "no specification" if not owners[words] else f"{owners[words]} specifications"
            yield problem(Path(f"physai {words}"), 0, f"is in {said}. Name it in one, under `commands`.")
    covered = {
        "contract": (
            {n for s in specifications.values() for n in (*s.contracts_in, *s.contracts_out)},
            {*CONTRACTS, *files()},
        ),
        "workflow": (
            {n for s in specifications.values() for n in s.workflows},
            {str(p.relative_to(root)) for d in DOMAINS for p in (root / d).glob("**/workflows/osmo/*.yaml")},
        ),
        "Terraform module": (
            {n for s in specifications.values() for n in s.terraform},
            {str(p.parent.relative_to(root)) for p in root.glob("infrastructure/terraform/modules/*/variables.tf")},
        ),
        "setting": ({n for s in specifications.values() for n in s.settings}, set(Settings.model_fields)),
    }
    for kind, (named, there) in covered.items():
        for name in sorted(there - named):
            yield problem(Path(f"{kind} {name}"), 0, "is in no specification. Name it in one.")
