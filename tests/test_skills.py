"""Every Agent Skill is valid, and every judge of its tasks tells right from wrong."""

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SKILLS = sorted(path.parent.name for path in (ROOT / ".github" / "skills").glob("*/SKILL.md"))
RUN = runpy.run_path(str(ROOT / "scripts" / "skills"))


@pytest.mark.parametrize("skill", SKILLS)
def test_a_skill_is_valid_and_its_judges_tell_right_from_wrong(skill: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert RUN["main"](["--skill", skill]) == 0, capsys.readouterr().out
    assert " 0 tasks" not in capsys.readouterr().out


@pytest.mark.parametrize("domain", [path.parent.name for path in ROOT.glob("*/specifications")])
def test_every_domain_has_a_skill_with_ten_tasks(domain: str) -> None:
    tasks = RUN["read_tasks"](ROOT / ".github" / "skills" / domain)
    assert len(tasks) >= 10
    assert all(task.wrong for task in tasks)


def test_a_judge_that_takes_anything_is_found_and_so_is_a_dead_link(tmp_path: Path) -> None:
    skill = tmp_path / "lax"
    skill.mkdir()
    (skill / "SKILL.md").write_text("---\nname: lax\ndescription: Does nothing.\n---\n[gone](gone.md)\n")
    (skill / "answer.txt").write_text("right")
    check = "id: a\n  prompt: p\n  artifact: a.txt\n  reference: answer.txt\n"
    check += "  wrong: [[right, left]]\n  right: [[right, good]]\n"
    (skill / "tasks.yaml").write_text(f"- {check}  judge: test -f {{artifact}}\n")
    assert RUN["check_skill"](skill, None) == (
        1,
        [
            "SKILL.md links to gone.md, which is not there",
            "a: its judge takes an empty file",
            "a: its judge takes 'left' in the place of 'right'",
        ],
    )
    (skill / "tasks.yaml").write_text(f"- {check}  judge: grep -q nothing {{artifact}}\n")
    assert RUN["check_skill"](skill, None)[1][1].startswith("a: its judge refuses the reference")
    (skill / "tasks.yaml").write_text(f"- {check}  judge: grep -q right {{artifact}}\n")
    assert RUN["check_skill"](skill, None)[1][1].startswith("a: its judge refuses 'good' in the place of 'right'")


def test_a_wrong_answer_of_an_agent_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = tmp_path / "recording.yaml"
    answer.write_text("kind: recording-config\nversion: 1\nrobots: [arm-1]\n")
    words = ["--skill", "data-pipeline", "--task", "one-arm", "--artifact", str(answer)]
    assert RUN["main"](words) == 1
    assert "not a valid recording-config" in capsys.readouterr().out
