"""Pages are a site whose links lead somewhere, their commands run, their claims are held against results."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from physai.infrastructure.cli import main
from physai.infrastructure.docs.blocks import CommandBlock, all_blocks, blocks_of, check_blocks, logical_lines
from physai.infrastructure.docs.errors import JunitError, SiteError
from physai.infrastructure.docs.results import evidence, read_junit
from physai.infrastructure.docs.run import run_blocks
from physai.infrastructure.docs.site import build_site
from physai.infrastructure.docs.stage import stage
from physai.infrastructure.specs.page import Page, pages
from physai.infrastructure.specs.specification import read_specification, specification_files

REPOSITORY = Path(__file__).parents[2]
SPECIFICATION = """---
id: infrastructure.boxes
title: Boxes
version: 1
status: active
domain: infrastructure
acceptance: [uv run pytest infrastructure/tests/test_boxes.py]
guide: README.md
---
# Boxes

- **R1** A box has a lid. `infrastructure/tests/test_boxes.py::test_a_lid`,
  `infrastructure/tests/test_boxes.py::test_a_hinge`
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with a README and a specification."""
    root = tmp_path / "repository"
    files = {
        "README.md": "# Boxes\n\n[boxes](infrastructure/specifications/boxes.specification.md), [code](code.py).\n",
        "code.py": "",
        "docs/site.yml": "site_name: boxes\ntheme: {name: material, font: false}\nmarkdown_extensions: [tables, toc]\n",
        "infrastructure/specifications/boxes.specification.md": SPECIFICATION,
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    subprocess.run(["git", "init", "--quiet", str(root)], check=True)
    return root


def block(text: str) -> CommandBlock:
    return next(blocks_of(Page(Path("page.md"), text)))


def test_every_block_of_this_repository_is_run_or_says_why_not() -> None:
    assert [wrong.text() for wrong in check_blocks(REPOSITORY)] == []
    blocks = list(all_blocks(REPOSITORY))
    for one in blocks:
        assert one.runs or one.reason or one.skipped, f"{one.page}:{one.line}"
    assert any(one.runs and one.when == "quick" for one in blocks)
    weekly = (REPOSITORY / ".github/workflows/full.yml").read_text()
    assert "uv run physai docs run --long" in weekly  # the long ones run somewhere
    assert '"docs", "run"' in (REPOSITORY / "scripts/test").read_text()  # and the quick ones for every change


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        ("<!-- run: slowly -->", "`run: slowly` is unknown"),
        ("<!-- not run: no -->", "gives no reason"),
        ("<!-- not run `physai moon`: needs a rocket -->", "no line begins so"),
        ("<!-- exit 3: always so here -->", "names no line"),
        ("<!-- run -->", "is no mark"),
    ],
)
def test_a_wrong_mark_is_found(mark: str, message: str) -> None:
    [wrong] = block(f"# Page\n\n{mark}\n```bash\nphysai jobs list\n```\n").wrong
    assert message in wrong.message


def test_a_mark_above_no_block_is_found() -> None:
    [wrong] = block("# Page\n\n<!-- run: long -->\n\nText.\n").wrong
    assert "stands above no command block" in wrong.message


def test_marks_choose_lines_and_exit_codes() -> None:
    text = "<!--\nnot run `serve`: waits for ever\nexit 3 `bash -c`: on purpose\nprepare: mkdir here\n-->\n"
    one = block(f"{text}```bash\nserve x\nbash -c 'exit 3'\necho done\n```\n")
    assert one.runs
    assert one.wrong == []
    script = one.script()
    assert script.startswith("mkdir here\n")
    assert "serve x" not in script
    assert subprocess.run(["bash", "-e", "-c", script.replace("mkdir", "true")], check=False).returncode == 0
    other = script.replace("mkdir", "true").replace("exit 3'", "exit 0'")
    assert subprocess.run(["bash", "-e", "-c", other], check=False, capture_output=True).returncode == 1


def test_continued_lines_and_here_documents_are_one_command() -> None:
    assert logical_lines("# comment\na \\\n  b\ncat > f <<'E'\nx\n# y\nE\nc\n") == [
        "a \\\n  b",
        "cat > f <<'E'\nx\n# y\nE",
        "c",
    ]


def test_blocks_run_in_order_in_a_copy(root: Path) -> None:
    (root / "page.md").write_text("```bash\necho 1 > made\n```\n\n```bash\ntest -f made -a -f code.py\n```\n")
    done = run_blocks(root, only=[Path("page.md")])
    assert [one.outcome for one in done.blocks] == ["passed", "passed"]
    assert not (root / "made").exists()


def test_after_a_failed_block_nothing_is_reached(root: Path) -> None:
    fence = "```bash\n{}\n```\n\n"
    (root / "page.md").write_text(
        fence.format("echo words; false\ntrue") + "<!-- run: long -->\n" + fence.format("true")
    )
    done = run_blocks(root, only=[Path("page.md")], long=True)
    assert [one.outcome for one in done.blocks] == ["failed", "not reached"]
    assert done.blocks[0].said == "words\nexit 1"
    quick = run_blocks(root, only=[Path("page.md")])
    assert [one.outcome for one in quick.blocks] == ["failed", "marked"]


def test_a_site_has_every_page_at_its_path(root: Path, tmp_path: Path) -> None:
    site = build_site(root, tmp_path / "site")
    assert "Boxes" in (site / "infrastructure/specifications/boxes.specification/index.html").read_text()
    assert "https://github.com/physai/physai/blob/main/code.py" in (site / "index.html").read_text()
    assert build_site(root, tmp_path / "site") == site  # an earlier build is replaced
    with pytest.raises(SiteError, match="holds something else"):
        build_site(root, root)


@pytest.mark.parametrize(
    "link", ["[x](infrastructure/specifications/boxes.specification.md#crates)", "<a href='crates/'>x</a>"]
)
def test_a_link_that_leads_nowhere_fails_the_build(root: Path, tmp_path: Path, link: str) -> None:
    (root / "README.md").write_text(f"# Boxes\n\n{link}\n")
    with pytest.raises(SiteError, match="crates"):
        build_site(root, tmp_path / "site")


def junit(path: Path, cases: str) -> Path:
    path.write_text(f'<testsuites><testsuite name="pytest">{cases}</testsuite></testsuites>')
    return path


CASE = '<testcase classname="infrastructure.tests.test_boxes" name="{}">{}</testcase>'
LID, HINGE = CASE.format("test_a_lid[oak]", ""), CASE.format("test_a_hinge", "")


@pytest.mark.parametrize(
    ("cases", "holds", "text"),
    [
        (LID + HINGE, True, "2 of 2 passed"),
        (LID, True, "1 of 2 passed"),
        (LID + CASE.format("test_a_lid[tin]", "<failure/>") + HINGE, False, "1 of 2 passed, **1 failed**"),
        (CASE.format("test_a_lid", "<skipped/>"), False, "0 of 2 passed"),
        (CASE.format("test_another", ""), False, "0 of 2 passed"),
    ],
)
def test_only_passed_tests_prove(root: Path, tmp_path: Path, cases: str, holds: bool, text: str) -> None:
    [one] = evidence(root, junit(tmp_path / "junit.xml", cases)).capabilities
    assert (one.holds, one.text()) == (holds, text)


@pytest.mark.parametrize("content", [None, "no XML", "<testsuites/>"])
def test_a_file_without_results_is_refused(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "junit.xml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(JunitError, match=r"no JUnit results"):
        read_junit(path)


def test_results_are_shown_beside_the_capability(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "docs/proven.md").write_text("# Proven\n\n<!-- facts: proof -->\n<!-- /facts -->\n")
    results = junit(tmp_path / "junit.xml", LID)
    words = ["docs", "build", "--root", str(root), "--output", str(tmp_path / "site"), "--junit", str(results)]
    monkeypatch.setattr("sys.argv", ["physai", *words])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 0
    assert "1 of 2 passed" in (tmp_path / "site/html/docs/proven/index.html").read_text()
    monkeypatch.setattr(
        "sys.argv",
        ["physai", "docs", "prove", str(junit(results, HINGE.replace("hinge", "nail"))), "--root", str(root)],
    )
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 1
    assert "not proven by this run: infrastructure.boxes" in capsys.readouterr().err


def links_of(path: Path) -> set[Path]:
    """Files and folders that a page of this repository links to."""
    text = (REPOSITORY / path).read_text().replace("<!-- facts", "<!-- was").replace("<!-- /facts", "<!-- /was")
    targets = (piece.text.partition("#")[0] for piece in Page(path, text).links)
    found = {(REPOSITORY / path.parent / target).resolve() for target in targets if target and ":" not in target}
    readmes = {one / "README.md" for one in found if (one / "README.md").is_file()}
    return {one.relative_to(REPOSITORY) for one in found | readmes}


def reached(start: Path, clicks: int) -> set[Path]:
    """What is at most so many links away; only pages lead on."""
    seen, front = {start}, {start}
    for _ in range(clicks):
        front = {there for page in front if page.suffix == ".md" for there in links_of(page)} - seen
        seen |= front
    return seen


def test_every_capability_is_three_clicks_from_the_readme() -> None:
    near = reached(Path("README.md"), 3)
    for path in specification_files(REPOSITORY):
        spec = read_specification(REPOSITORY, path)
        guide = Path("docs") / spec.domain / "README.md"
        row = next(line for line in (REPOSITORY / guide).read_text().splitlines() if f"/{path.name})" in line)
        assert all(f"`physai {command}`" in row for command in spec.commands), "the command"
        wanted = [guide, path, Path(spec.guide.partition("#")[0]), Path("docs/proven.md"), *map(Path, spec.examples)]
        assert [str(one) for one in wanted if one not in near] == [], spec.id
        assert spec.examples or spec.id == "infrastructure.settings", f"{spec.id} has no example"


@pytest.mark.parametrize(
    ("mutate", "message"),
    [
        (lambda text: text.replace("physai docs check", "physai docs chek"), "no command 'chek'"),
        (lambda text: text.replace("--output OUT/site", "--outputs OUT/site"), "No such option: --outputs"),
        (lambda text: text.replace("(add-a-robot.md)", "(add-robot.md)"), "link to add-robot.md: no such file"),
        (lambda text: text.replace("(#pages)", "(#page)"), "link to #page: no such heading"),
        (lambda text: text.replace("infrastructure/docs/blocks.py", "infrastructure/docs/block.py"), "is not there"),
    ],
)
def test_a_mutation_of_a_page_of_docs_is_found(mutate: Callable[[str], str], message: str) -> None:
    from physai.infrastructure.specs.check import _prose

    path = Path("docs/contributing/README.md")
    text = (REPOSITORY / path).read_text()
    assert mutate(text) != text
    found = [problem.message for problem in _prose(REPOSITORY, Page(path, mutate(text)))]
    assert any(message in one for one in found), found
    assert list(_prose(REPOSITORY, Page(path, text))) == []


def test_every_page_is_in_the_menu_once(tmp_path: Path) -> None:
    stage(REPOSITORY, tmp_path)
    import yaml

    def files(menu: object) -> list[str]:
        if isinstance(menu, str):
            return [menu]
        return [name for item in menu for name in files(item.values() if isinstance(item, dict) else item)]

    menu = files(yaml.safe_load((tmp_path / "mkdocs.yml").read_text())["nav"])
    there = [page.path for page in pages(REPOSITORY) if page.path.parts[0] != ".github"]
    assert len(menu) == len(set(menu)) == len(there)
    assert json.dumps(menu)
    for name in menu:
        assert (tmp_path / "pages" / name).is_file()
