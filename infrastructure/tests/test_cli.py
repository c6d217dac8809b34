import importlib
import subprocess
import sys
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import pytest
import typer

from physai.infrastructure import cli
from physai.infrastructure.cli import help_line, main
from physai.infrastructure.commands import GROUP
from physai.infrastructure.errors import PhysaiError

PHYSAI = Path(sys.executable).with_name("physai")


def physai(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PHYSAI, *words], capture_output=True, text=True, cwd=cwd, check=False)


def commands(monkeypatch: pytest.MonkeyPatch, body: str, tmp_path: Path) -> None:
    """Install one command, `probe run`, whose module has this body."""
    (tmp_path / "probe_command.py").write_text(
        f'"""Probe."""\nimport typer\napp = typer.Typer()\n@app.callback()\ndef group() -> None: ...\n'
        f"@app.command()\ndef run() -> None:\n    {body}\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    entry = EntryPoint("probe", "probe_command:app", GROUP)
    monkeypatch.setattr(cli, "domains", lambda: {entry.name: entry})
    monkeypatch.setattr(sys, "argv", ["physai", "probe", "run"])
    monkeypatch.delitem(sys.modules, "probe_command", raising=False)


def failure(capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 1
    return capsys.readouterr().err


def test_help_names_every_installed_command_without_importing_any() -> None:
    answer = physai("--help")
    assert answer.returncode == 0
    for entry in entry_points(group=GROUP):
        assert entry.name in answer.stdout
    probe = (
        "import sys; from physai.infrastructure.cli import umbrella; umbrella(None); "
        "print([m for m in ('torch', 'isaaclab', 'mlflow', 'azure.storage.blob', 'lerobot') if m in sys.modules])"
    )
    listed = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert listed.stdout == "[]\n"


def test_a_command_that_is_not_there_is_misuse() -> None:
    answer = physai("nonsense")
    assert answer.returncode == 2
    assert "No such command 'nonsense'" in answer.stderr


def test_the_version_is_printed() -> None:
    assert physai("--version").stdout == "physai 0.1.0\n"


def test_an_error_of_ours_is_one_line_on_stderr(tmp_path: Path) -> None:
    (tmp_path / "physai.toml").write_text("registry = ")
    answer = physai("settings", "show", cwd=tmp_path)
    assert answer.returncode == 1
    assert answer.stdout == ""
    assert answer.stderr.startswith("error: physai.toml: not valid TOML")
    assert answer.stderr.count("\n") == 1


def test_the_line_is_one_even_if_the_message_is_two(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commands(monkeypatch, "from physai.infrastructure.errors import PhysaiError; raise PhysaiError('a\\nb')", tmp_path)
    assert failure(capsys) == "error: a b\n"


def test_a_full_disk_is_named_with_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commands(monkeypatch, "raise OSError(28, 'No space left on device', '/data/out.mcap')", tmp_path)
    assert failure(capsys).startswith("error: /data/out.mcap: No space left on device. ")


def test_a_missing_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commands(monkeypatch, "import a_simulator_that_is_not_installed", tmp_path)
    assert failure(capsys).startswith("error: 'a_simulator_that_is_not_installed' is not installed. ")


@pytest.mark.parametrize("body", ["raise ValueError('a bug')", "import physai.nonsense", "raise OSError('no errno')"])
def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: str) -> None:
    commands(monkeypatch, body, tmp_path)
    with pytest.raises((ValueError, ModuleNotFoundError, OSError)):
        main()


def test_a_command_whose_module_is_gone_is_shown_as_broken() -> None:
    assert help_line(EntryPoint("x", "physai.infrastructure.nonsense:app", GROUP)).startswith("(broken installation")
    assert help_line(EntryPoint("x", "nonsense.nonsense:app", GROUP)).startswith("(broken installation")
    assert help_line(EntryPoint("x", "physai.infrastructure.settings_cli:app", GROUP)).startswith("See which settings")


def test_an_app_is_loaded_only_if_it_is_called(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    commands(monkeypatch, "pass", tmp_path)
    assert isinstance(cli.umbrella("other"), typer.Typer)
    assert "probe_command" not in sys.modules
    cli.umbrella("probe")
    assert "probe_command" in sys.modules


def test_every_error_of_ours_is_a_physai_error() -> None:
    assert issubclass(PhysaiError, Exception)
    assert not issubclass(PhysaiError, OSError)
