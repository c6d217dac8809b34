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


def test_a_wrong_answer_of_an_agent_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = tmp_path / "recording.yaml"
    answer.write_text("kind: recording-config\nversion: 1\nrobots: [arm-1]\n")
    words = ["--skill", "data-pipeline", "--task", "one-arm", "--artifact", str(answer)]
    assert RUN["main"](words) == 1
    assert "not a valid recording-config" in capsys.readouterr().out
