"""The commands of the domain: what they print, what they write, how they refuse."""

import json
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from physai.fleet_deployment.cli import app
from physai.fleet_deployment.tests.fleet_evidence import write_evidence
from physai.infrastructure import cli
from physai.infrastructure.contracts import Release
from physai.infrastructure.registry import manifest_digest
from physai.infrastructure.registry.models import aliased
from physai.infrastructure.settings import settings

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # inside MLflow

Run = Callable[..., tuple[int, str, str]]
Packages = Callable[[float], Path]


@pytest.fixture
def physai(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Runs `physai fleet-deployment …` with its state in a folder of the test."""
    monkeypatch.setenv("PHYSAI_HOME", str(tmp_path / "home"))
    settings.cache_clear()

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["physai", "fleet-deployment", *map(str, arguments)])
        with pytest.raises(SystemExit) as done:
            cli.main()
        said = capsys.readouterr()
        return int(done.value.code or 0), said.out, said.err

    yield run
    settings.cache_clear()


def creating(package: Path, folder: Path, *more: str | Path) -> list[str | Path]:
    evidence = write_evidence(folder, manifest_digest(package))
    return [
        "release", "create", package, "--report", evidence.report, "--verdict", evidence.verdict, "--robot", "robot-1",
        *more,
    ]  # fmt: skip


def commands_in(readme: Path) -> list[list[str]]:
    """The words of every `physai fleet-deployment` command in the code blocks of a page."""
    blocks = re.findall(r"```bash\n(.*?)```", readme.read_text(), re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [shlex.split(line)[2:] for line in lines if line.startswith("physai fleet-deployment")]


def test_every_command_of_the_readme_can_be_called_so() -> None:
    found = commands_in(Path(__file__).parents[1] / "README.md")
    assert len(found) >= 13
    for words in found:
        command: Any = get_command(app)
        arguments = list(words)
        while hasattr(command, "commands"):
            command = command.commands[arguments.pop(0)]
        command.make_context(command.name, arguments)  # raises on an unknown or missing option


def test_a_release_goes_from_proposal_to_rollback(physai: Run, packages: Packages, tmp_path: Path) -> None:
    first, second = packages(0.0), packages(0.1)
    code, out, _ = physai(*creating(first, tmp_path / "1", "--output", tmp_path / "release.json", "--json"))
    release = Release.model_validate_json(out)
    assert (code, Release.read(tmp_path / "release.json"), release.approval) == (0, release, None)
    assert aliased("reach", "candidate") == manifest_digest(first)
    assert aliased("reach", "champion") is None

    approved = ("release", "approve", release.name, "--by", "gate", "--reason", "PASS")
    assert physai(*approved)[0] == 0
    assert aliased("reach", "champion") == manifest_digest(first)

    code, out, _ = physai(*creating(second, tmp_path / "2", "--approve-by", "gate", "--json"))
    newer = Release.model_validate_json(out)
    assert newer.approval is not None
    assert newer.approval.by == "gate"
    assert aliased("reach", "champion") == manifest_digest(second)
    physai(*approved)  # an old approval, told again, moves nothing
    assert aliased("reach", "champion") == manifest_digest(second)

    told = json.loads(physai("release", "status", "--json")[1])["releases"]
    assert [line["stage"] for line in told] == ["superseded", "active"]
    assert newer.name in physai("release", "status")[1]
    assert physai("release", "rollback", "--cohort", "pilot", "--by", "anna", "--reason", "overshoots")[0] == 0
    assert aliased("reach", "champion") == manifest_digest(first)


def test_bad_input_is_one_line_and_exit_code_1(physai: Run, packages: Packages, tmp_path: Path) -> None:
    lines = []
    for arguments in (
        creating(packages(0.0), tmp_path / "a", "--cohort", "No Good"),
        [*creating(packages(0.0), tmp_path / "b")[:3], "--report", "no.json", "--verdict", "no.json", "--robot", "r"],
        ["release", "approve", "nothing", "--by", "gate", "--reason", "PASS"],
        ["release", "rollback", "--cohort", "pilot", "--by", "gate", "--reason", "PASS"],
        ["robot", "run", "--robot", "robot-1", "--output", tmp_path / "out"],
        ["robot", "run", "--robot", "robot-1", "--release", tmp_path / "no.json", "--output", tmp_path / "out"],
        ["robot", "status", "--robot", "robot-1"],
    ):
        code, out, err = physai(*arguments)
        assert (code, out) == (1, ""), arguments
        assert err.startswith("error: "), err
        assert err.count("\n") == 1, err
        lines.append(err)
    assert "no approved release names it" in lines[4]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["release", "create", "package"],
        ["release", "approve", "x"],
        ["robot", "run", "--robot", "robot-1", "--output", "out", "--episodes", "0"],
    ],
)
def test_misuse_is_exit_code_2(physai: Run, arguments: list[str]) -> None:
    assert physai(*arguments)[0] == 2
