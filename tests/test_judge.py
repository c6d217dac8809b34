"""What `scripts/judge.py` takes for the same as a reference, and what it does not."""

import runpy
from pathlib import Path

import pytest

MAIN = runpy.run_path(str(Path(__file__).resolve().parents[1] / "scripts" / "judge.py"))["main"]
PLAN = "physai evaluation sil plan --reference 0.7 --power 0.9"
WORKFLOW = """version: 2
workflow:
  name: two
  tasks:
  - name: train
    image: physai:latest
    command: [physai]
    args: [training, il, train, "--dataset={{ dataset }}", "--output={{output}}/run"]
  - name: package
    image: physai:latest
    command: [physai]
    args: [training, package, build, "{{input:0}}/run", "--output={{output}}"]
    inputs:
    - task: train
default-values:
  dataset: file:///data/a
"""


def told(folder: Path, form: str, made: str, asked: str, *words: str) -> int:
    for name, text in (("made.yaml", made), ("asked.yaml", asked)):
        (folder / name).write_text(text)
    return MAIN([form, str(folder / "made.yaml"), str(folder / "asked.yaml"), *words])


@pytest.mark.parametrize(
    ("made", "why"),
    [
        ("uv run physai evaluation sil plan \\\n  --power=0.90 --reference 0.7 --json", ""),
        (f"{PLAN} --alpha 0.1", "--alpha: 0.1, where 0.025 was asked for"),
        (f"{PLAN} --alfa 0.1", "No such option: --alfa"),
        ("physai evaluation sil plane", "has no command 'plane'"),
        (f"{PLAN} --help", "the command would only tell about itself"),
        ("echo", "there is no `physai` command"),
    ],
)
def test_a_command_is_what_its_parser_makes_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], made: str, why: str
) -> None:
    assert told(tmp_path, "command", made, PLAN) == int(bool(why))
    assert why in capsys.readouterr().out


def test_what_a_task_leaves_open_is_not_compared(tmp_path: Path) -> None:
    assert told(tmp_path, "command", f"{PLAN} --alpha 0.1", PLAN, "--free", "alpha") == 0


def test_a_file_is_compared_field_by_field_and_a_list_in_any_order_if_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = "kind: gate-rules\nversion: 1\nrules:\n"
    one, two = "- {metric: episodes, bound: 40}\n", "- {metric: success.lower, bound: 0.6}\n"
    assert told(tmp_path, "file", rules + two + one, rules + one + two) == 1
    assert "rules.0.metric: 'success.lower', where 'episodes' was asked for" in capsys.readouterr().out
    assert told(tmp_path, "file", rules + two + one, rules + one + two, "--any-order", "rules") == 0
    assert told(tmp_path, "file", rules + one + two, rules + one) == 1


def test_names_between_tasks_are_free_as_long_as_both_ends_agree(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    renamed = WORKFLOW.replace("}}/run", "}}/trained").replace("file:///data/a", "file:///data/b")
    assert told(tmp_path, "workflow", renamed, WORKFLOW, "--set", "dataset=file:///x") == 0
    torn = WORKFLOW.replace("{{input:0}}/run", "{{input:0}}/trained")
    assert told(tmp_path, "workflow", torn, WORKFLOW, "--set", "dataset=file:///x") == 1
    assert "package reads /trained of what train writes, which is ['/run']" in capsys.readouterr().out
    fixed = WORKFLOW.replace("{{ dataset }}", "file:///data/a")
    assert told(tmp_path, "workflow", fixed, WORKFLOW, "--set", "dataset=file:///x") == 1
