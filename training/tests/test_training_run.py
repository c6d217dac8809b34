"""A run names the commit of this code, and no other repository's."""

import subprocess
from pathlib import Path

import pytest

from physai.training import run


def git(folder: Path, *words: str) -> str:
    """What git says in a folder."""
    author = ["-c", "user.name=Test", "-c", "user.email=test@example.com"]
    return subprocess.run(["git", *author, *words], cwd=folder, check=True, capture_output=True, text=True).stdout


def test_installed_code_is_of_no_commit_of_the_repository_around_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "--message", "begin")
    installed = tmp_path / "site-packages/run.py"
    installed.parent.mkdir()
    installed.touch()
    monkeypatch.setattr(run, "__file__", str(installed))
    assert run.code_commit() == "unknown"
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "take it over")
    assert run.code_commit() == git(tmp_path, "rev-parse", "HEAD").strip()
