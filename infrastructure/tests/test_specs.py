"""Pages cannot run ahead of the code: one mutation of each kind of fact is found, with file and line."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from physai.infrastructure.benchmark import BenchmarkMachine, BenchmarkReport, Result
from physai.infrastructure.cli import main
from physai.infrastructure.contracts import FlywheelSummary, LapSummary
from physai.infrastructure.specs import check, read_specification, specification_files, write
from physai.infrastructure.specs.capabilities import measured_facts
from physai.infrastructure.specs.check import _acceptance
from physai.infrastructure.specs.facts import UnknownFactError, command_facts, contract_facts, facts_of

REPOSITORY = Path(__file__).parents[2]
WORKFLOW = "evaluation/sil/workflows/osmo/round.yaml"
MODULE = "infrastructure/terraform/modules/box"
PAGE = "infrastructure/specifications/boxes.specification.md"
REPORT = "infrastructure/benchmarks/report.json"
SUMMARY = "docs/summary.json"
GUIDE = f"""# Guide

<!-- facts: capabilities infrastructure -->
<!-- /facts -->

<!-- facts: measured infrastructure/benchmarks#open a lid -->
<!-- /facts -->

<!-- facts: proof -->
<!-- /facts -->

<!-- facts: laps {SUMMARY} -->
<!-- /facts -->
"""
TEXT = f"""---
id: infrastructure.boxes
title: Boxes
version: 1
status: active
domain: infrastructure
commands: [storage ls]
contracts_out: [gate-verdict]
settings: [storage]
workflows: [{WORKFLOW}]
terraform: [{MODULE}]
acceptance: [uv run pytest infrastructure/tests/test_boxes.py]
words: [lid, Boxes]
guide: docs/boxes.md
examples: [infrastructure/boxes.py]
reports: [{REPORT}]
---
# Boxes

`physai storage ls --json` lists them; `infrastructure/boxes.py` is where, [here](../boxes.py), see [above](#boxes).

- **R1** A box has a lid. `infrastructure/tests/test_boxes.py::test_a_box_has_a_lid`

```bash
uv run physai storage ls PLACE --json > out.json   # PLACE is a URI
```

## Facts

<!-- facts -->
<!-- /facts -->
"""


def report(*gpus: str) -> BenchmarkReport:
    machine = BenchmarkMachine(processor="p", cores=2, memory_gib=8, gpus=gpus, system="s", python="3.12")
    results = (Result(what="open a lid", ours=2.0, unit="ms", goal=5.0, higher_is_better=False),)
    return BenchmarkReport(
        domain="boxes",
        measured_at=datetime(2026, 1, 1, tzinfo=UTC),
        seconds=1,
        commit="c",
        machine=machine,
        versions={},
        results=results,
    )


def summary() -> FlywheelSummary:
    unknown = dict.fromkeys(LapSummary.model_fields) | {"verdicts": (), "tasks": (), "problems": ()}
    lap = LapSummary.model_validate(unknown | {"lap": 1, "episodes_recorded": 7})
    return FlywheelSummary(
        laps=(lap,), episodes_recorded=7, production_episodes=0, training_s=0, tasks_s=0, wall_s=None
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with one specification, its facts written."""
    files = {
        PAGE: TEXT,
        WORKFLOW: "workflow: {name: round, tasks: []}\ndefault-values:\n  laps: 2 # how often, 1-9\n",
        f"{MODULE}/variables.tf": 'variable "size" {\n description = "Edge in m."\n type = number\n default = 2\n}\n',
        f"{MODULE}/outputs.tf": 'output "volume" {\n  description = "In m3."\n  value = 8\n}\n',
        "infrastructure/boxes.py": "",
        "docs/boxes.md": GUIDE,
        REPORT: report("NVIDIA A10").model_dump_json(),
        SUMMARY: summary().model_dump_json(),
        "infrastructure/tests/test_boxes.py": "def test_a_box_has_a_lid(): assert len('lid') == 3\n",
        "scripts/test": '["physai", "jobs", "validate"]',
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    write(tmp_path)
    assert said(tmp_path) == []
    return tmp_path


def said(root: Path) -> list[str]:
    """What is wrong with the one page; the rest of physai has no specification there."""
    return [problem.text() for problem in check(root) if problem.file.endswith(".md")]


def replace(root: Path, name: str, old: str, new: str) -> None:
    text = (root / name).read_text()
    assert old in text
    (root / name).write_text(text.replace(old, new, 1))


def page(old: str, new: str) -> Callable[[Path], None]:
    return lambda root: replace(root, PAGE, old, new)


@pytest.mark.parametrize(
    ("mutate", "message"),
    [
        (page("storage ls --json` lists", "storage ls --jsn` lists"), "has no --jsn"),
        (
            page("storage ls --json` lists", "storage lst --json` lists"),
            "`physai storage` has no command 'lst'. Did you",
        ),
        (page("ls PLACE --json", "ls PLACE --recursve"), "No such option: --recursve"),
        (
            page("| `--json` | `bool` | no |", "| `--json` | `bool` | yes |"),
            "the code says: | `--json` | `bool` | no |",
        ),
        (page("| `version` |", "| `vershun` |"), "the code says:"),
        (page("settings: [storage]", "settings: [storge]"), "setting 'storge' does not exist. Did you mean 'storage'?"),
        (page("commands: [storage ls]", "commands: [storage lx]"), "command 'storage lx' does not exist"),
        (page("contracts_out: [gate-verdict]", "contracts_out: [gate]"), "contract 'gate' does not exist"),
        (page("`infrastructure/boxes.py`", "`infrastructure/crates.py`"), "`infrastructure/crates.py` is not there"),
        (page("(../boxes.py)", "(../crates.py)"), "link to ../crates.py: no such file"),
        (page("(#boxes)", "(#crates)"), "link to #crates: no such heading"),
        (page("- **R1**", "- **R2**"), "requirements are numbered [2]"),
        (
            page("test_a_box_has_a_lid`", "test_a_box_has_lids`"),
            "there is no test infrastructure/tests/test_boxes.py::",
        ),
        (page("acceptance: [uv run pytest infrastructure/tests/test_boxes.py]", ""), "is active without acceptance"),
        (page("test_boxes.py]", "test_crates.py]"), "test_crates.py is not there or has no test"),
        (page("uv run pytest infrastructure/tests/test_boxes.py]", "make test]"), "is neither `uv run pytest …` nor"),
        (page("status: active", "status: done"), "status: Input should be 'active' or 'draft'"),
        (page("<!-- facts -->", ""), "has no generated facts"),
        (lambda root: replace(root, WORKFLOW, "  laps: 2 # how often, 1-9\n", "  rounds: 2\n"), "| `rounds` | `2` |"),
        (
            lambda root: replace(root, WORKFLOW, "laps: 2", "laps: 3"),
            "the code says: | `laps` | `3` | how often, 1-9 |",
        ),
        (lambda root: (root / WORKFLOW).rename(root / "moved.yaml"), f"workflow '{WORKFLOW}' does not exist"),
        (
            lambda root: replace(root, f"{MODULE}/variables.tf", "default = 2", "default = 3"),
            "| `size` | `number` | `3` | Edge in m. |",
        ),
        (
            lambda root: replace(root, f"{MODULE}/outputs.tf", '"volume"', '"room"'),
            "the code says: | `room` | In m3. |",
        ),
        (lambda root: shutil.rmtree(root / MODULE), f"Terraform folder '{MODULE}' does not exist"),
        (lambda root: (root / "infrastructure/boxes.py").unlink(), "`infrastructure/boxes.py` is not there"),
        (lambda root: (root / "infrastructure/boxes.py").unlink(), "front matter names infrastructure/boxes.py, which"),
        (lambda root: (root / "docs/boxes.md").unlink(), "front matter names docs/boxes.md, which is not there"),
        (page("guide: docs/boxes.md", ""), "has no guide"),
        (lambda root: (root / REPORT).unlink(), f"benchmark report '{REPORT}' does not exist"),
        (lambda root: replace(root, REPORT, '"ours":2.0', '"ours":3.0'), "the code says: | open a lid | 3 ms | ≤ 5 |"),
        (lambda root: replace(root, REPORT, '"ours":2.0', '"ours":9.0'), "≤ 5 (missed)"),
        (lambda root: replace(root, REPORT, "open a lid", "shut a lid"), "'open a lid' does not exist"),
        (lambda root: replace(root, REPORT, '["NVIDIA A10"]', "[]"), "1 requirements; [measured]"),
        (page("words: [lid", "words: [hinge"), "'hinge' is in `words`, and neither on this page nor in its guide"),
        (
            page("words: [lid, Boxes]", "words: [lid]"),
            "the code says: | [Boxes](../infrastructure/specifications/boxes",
        ),
        (page("title: Boxes", "title: Crates"), "the code says: | [Crates]"),
        (lambda root: (root / SUMMARY).unlink(), f"{SUMMARY}: no summary of the flywheel here"),
        (
            lambda root: replace(root, SUMMARY, '"episodes_recorded":7', '"episodes_recorded":8'),
            "the code says: | episodes recorded | 8 |",
        ),
        (lambda root: replace(root, "docs/boxes.md", "| 2 ms |", "| 1 ms |"), "the code says: | open a lid | 2 ms |"),
    ],
)
def test_a_mutation_is_found(root: Path, mutate: Callable[[Path], None], message: str) -> None:
    mutate(root)
    found = said(root)
    assert any(message in line for line in found), found


def test_a_problem_tells_file_and_line(root: Path) -> None:
    replace(root, PAGE, "(../boxes.py)", "(../crates.py)")
    assert said(root) == [f"{PAGE}:20: link to ../crates.py: no such file. Correct it."]


def test_writing_mends_what_is_generated_and_changes_nothing_more(root: Path) -> None:
    before = (root / PAGE).read_bytes()
    assert write(root) == []
    replace(root, PAGE, "Edge in m.", "Edge in km.")
    assert write(root) == [Path(PAGE)]
    assert (root / PAGE).read_bytes() == before


def test_what_no_specification_names_is_found(root: Path) -> None:
    found = [problem.text() for problem in check(root)]
    assert "physai storage cp: is in no specification. Name it in one, under `commands`." in found
    assert not any(line.startswith("physai storage ls:") for line in found)
    twice = (root / PAGE).read_text().replace("infrastructure.boxes", "infrastructure.crates")
    (root / PAGE).with_name("crates.specification.md").write_text(twice)
    assert any("physai storage ls: is in 2 specifications" in problem.text() for problem in check(root))


def test_a_readme_asks_for_facts_by_name(root: Path) -> None:
    readme = root / MODULE / "README.md"
    readme.write_text(f"# Box\n\n<!-- facts: terraform {MODULE} -->\n<!-- /facts -->\n")
    assert write(root) == [readme.relative_to(root)]
    assert "| `size` | `number` | `2` | Edge in m. |" in readme.read_text()
    assert said(root) == []


def test_a_measured_result_may_be_told_in_words_of_the_page(root: Path) -> None:
    told = measured_facts(root, Path("README.md"), "infrastructure/benchmarks#open a lid = Opening one of our boxes")
    assert "| Opening one of our boxes | 2 ms | ≤ 5 |" in told


def test_nested_contracts_and_limits_are_told() -> None:
    facts = contract_facts("recording-config")
    assert "`GapThresholds` in it:" in facts
    assert "| `rate_hz` | `float`, > 0 | required | Rows per second in the dataset. |" in facts
    with pytest.raises(UnknownFactError, match="command 'storge' does not exist"):
        command_facts("storge")
    with pytest.raises(UnknownFactError, match="kind of fact 'comand'"):
        facts_of(REPOSITORY, "comand", "storage")


def test_acceptance_is_a_step_of_ci(root: Path) -> None:
    assert list(_acceptance(root, Path(PAGE), "uv run physai jobs validate")) == []
    assert "no step of scripts/test" in next(_acceptance(root, Path(PAGE), "uv run physai jobs render")).message


def test_commands_say_what_is_wrong_and_exit_1(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["physai", "specs", "check", "--root", str(root)])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 1
    assert "physai storage cp: is in no specification" in capsys.readouterr().err
    monkeypatch.setattr("sys.argv", ["physai", "specs", "write", "--root", str(root / "nowhere")])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 1
    assert "no repository of physai here" in capsys.readouterr().err


def test_every_specification_can_be_read() -> None:
    for path in specification_files(REPOSITORY):
        assert read_specification(REPOSITORY, path).id
