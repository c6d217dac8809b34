"""Paths that no command can work with are refused before it begins."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from physai.infrastructure.arguments import NoPlaceError, SamePathError, check_paths

PHYSAI = Path(sys.executable).with_name("physai")


def physai(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PHYSAI, *words], capture_output=True, text=True, cwd=cwd, check=False)


@pytest.mark.parametrize(
    "words",
    [
        ("contracts", "validate", "https://example.org/report.json"),
        ("registry", "generate-key-pair", "--output", "azure://account/container/keys"),
    ],
)
def test_a_uri_in_the_place_of_a_path_is_misuse_and_leaves_no_folder_of_its_name(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    answer = physai(*words, cwd=tmp_path)
    assert answer.returncode == 2
    assert answer.stderr.startswith(f"error: {words[-1]}: is a URI, and ")
    assert answer.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def commands(calls: list[Path]) -> typer.Typer:
    """One command that notes that it was called."""
    app = typer.Typer()

    @app.command()
    def make(output: Path) -> None:
        calls.append(output)

    check_paths(app)
    return app


def test_an_output_below_a_file_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    calls: list[Path] = []
    with pytest.raises(
        NoPlaceError, match=r"out: cannot be written, since .*notes\.txt is a file\. Name another place"
    ):
        typer.main.get_command(commands(calls)).main([str(tmp_path / "notes.txt" / "out")], standalone_mode=False)
    assert calls == []


def test_an_output_in_a_folder_that_is_read_only_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Path] = []
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)  # nothing is read-only to root, who runs this in CI
    with pytest.raises(NoPlaceError, match="is read-only"):
        typer.main.get_command(commands(calls)).main([str(tmp_path / "out")], standalone_mode=False)
    assert calls == []


def test_an_output_in_folders_that_are_yet_to_be_made_is_the_commands_own_affair(tmp_path: Path) -> None:
    calls: list[Path] = []
    typer.main.get_command(commands(calls)).main([str(tmp_path / "a" / "b")], standalone_mode=False)
    assert calls == [tmp_path / "a" / "b"]


def test_what_a_command_reads_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("{}")
    app = typer.Typer()

    @app.command()
    def judge(report: Path, output: Path) -> None:
        output.write_text(report.name)

    check_paths(app)
    same = [str(tmp_path / "report.json"), str(tmp_path / "." / "report.json")]
    with pytest.raises(SamePathError, match=r"report\.json: is the report that is read"):
        typer.main.get_command(app).main(same, standalone_mode=False)
    assert (tmp_path / "report.json").read_text() == "{}"


def test_a_film_is_not_written_in_the_place_of_a_folder(tmp_path: Path) -> None:
    app = typer.Typer()

    @app.command()
    def play(video: Path) -> None:
        video.write_bytes(b"")

    check_paths(app)
    with pytest.raises(NoPlaceError, match="it is a folder"):
        typer.main.get_command(app).main([str(tmp_path)], standalone_mode=False)
