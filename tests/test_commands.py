"""What every command of every domain promises: help with an example, and one line about bad input."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from physai.infrastructure.cli import main
from physai.infrastructure.commands import commands, domains

HEAVY = {"torch", "isaaclab", "lerobot", "mlflow", "azure", "pyarrow", "scipy", "onnxruntime"}


COMMANDS = commands()


def call(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Run `physai` in this process; its exit code."""
    monkeypatch.setattr(sys, "argv", ["physai", *words])
    with pytest.raises(SystemExit) as stop:
        main()
    return stop.value.code if isinstance(stop.value.code, int) else 0


def takes_path(param: Any) -> bool:
    return "Path" in str(param.type_descriptor.annotation)


def is_output(param: Any) -> bool:
    return takes_path(param) and param.name in {"output", "target", "folder"}


def bad_words(command: Any, nowhere: Path, out: Path) -> list[str]:
    """Arguments of the right kind that name files which do not exist."""
    words: list[str] = []
    for param in command.params:
        if not (param.required or is_output(param)):
            continue
        value = str(out) if is_output(param) else str(nowhere) if takes_path(param) else f"candidate={nowhere}"
        words += [value] if param.param_type_name == "argument" else [param.opts[0], value]
    return words


def test_help_lists_every_domain_at_once() -> None:
    script = (
        "import sys; sys.argv = ['physai', '--help']\n"
        "from physai.infrastructure.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        f"heavy = {HEAVY} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    for name in domains():
        assert name in done.stdout
    assert "broken" not in done.stdout


@pytest.mark.parametrize("words", COMMANDS)
def test_help_shows_an_example(words: str) -> None:
    assert f"Example: physai {words}" in " ".join((COMMANDS[words].help or "").split())


@pytest.mark.parametrize("words", COMMANDS)
def test_an_unknown_option_is_misuse(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(monkeypatch, *words.split(), "--no-such-option") == 2


TAKES_FILES = [
    words
    for words, command in COMMANDS.items()
    if any(param.required and takes_path(param) and not is_output(param) for param in command.params)
]


@pytest.mark.parametrize("words", TAKES_FILES)
def test_a_missing_file_is_one_line(
    words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    code = call(monkeypatch, *words.split(), *bad_words(COMMANDS[words], tmp_path / "nowhere", out))
    said = capsys.readouterr().err
    assert code in (1, 2), said
    assert "Traceback" not in said
    if code == 1:
        assert str(tmp_path) in said or "nowhere" in said, f"says not where: {said}"
    assert not out.exists()
