"""The fleet's Git repository: first use, many writers, and what Git refuses."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from physai.fleet_deployment.errors import FleetError, RepositoryError
from physai.fleet_deployment.gitops.repository import FleetRepository


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def add(name: str, content: str = "x") -> "object":
    """An edit that writes one file."""

    def edit(tree: Path) -> str | None:
        (tree / name).write_text(content)
        return f"Add {name}"

    return edit


@pytest.fixture
def repository(tmp_path: Path) -> FleetRepository:
    return FleetRepository(str(tmp_path / "state/fleet.git"))


def test_a_local_repository_appears_at_first_use_and_is_bare(repository: FleetRepository) -> None:
    with repository.read() as tree:
        assert [path.name for path in tree.iterdir()] == [".git"]
    root = Path(repository.url)
    assert git(root, "rev-parse", "--is-bare-repository") == "true"
    assert [path.name for path in root.parent.iterdir()] == ["fleet.git"]


def test_a_change_is_one_commit_and_the_next_reader_sees_it(repository: FleetRepository) -> None:
    assert repository.change(add("a", "one"))
    with repository.read() as tree:
        assert (tree / "a").read_text() == "one"
    assert git(Path(repository.url), "log", "--format=%s|%an", "main") == "Add a|physai fleet-deployment"


def test_a_change_that_changes_nothing_makes_no_commit(repository: FleetRepository) -> None:
    repository.change(add("a"))
    assert not repository.change(add("a"))
    assert not repository.change(lambda tree: None)
    assert git(Path(repository.url), "rev-list", "--count", "main") == "1"


def test_an_edit_that_fails_leaves_no_trace(repository: FleetRepository) -> None:
    def edit(tree: Path) -> str | None:
        (tree / "half").write_text("x")
        raise FleetError("no")

    with pytest.raises(FleetError, match="no"):
        repository.change(edit)
    with repository.read() as tree:
        assert not (tree / "half").exists()


def test_everyone_who_pushes_at_once_gets_in(repository: FleetRepository) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda i: repository.change(add(f"file-{i}")), range(12)))
    with repository.read() as tree:
        assert len(list(tree.glob("file-*"))) == 12
    assert git(Path(repository.url), "rev-list", "--count", "main") == "12"


def test_who_comes_second_edits_the_newest_state(repository: FleetRepository) -> None:
    seen: list[bool] = []

    def edit(tree: Path) -> str | None:
        seen.append((tree / "first").exists())
        if len(seen) == 1:  # someone else is faster
            repository.change(add("first"))
        (tree / "second").write_text("x")
        return "Add second"

    assert repository.change(edit)
    assert seen == [False, True]
    assert git(Path(repository.url), "log", "--format=%s", "main") == "Add second\nAdd first"


def test_neither_git_variables_nor_a_missing_identity_matter(
    repository: FleetRepository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_AUTHOR_NAME", "somebody else")
    repository.change(add("a"))
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name)
    assert git(Path(repository.url), "log", "--format=%an %cn", "main") == " ".join(["physai fleet-deployment"] * 2)


def test_a_remote_url_is_pushed_to(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", "there.git")
    repository = FleetRepository((tmp_path / "there.git").as_uri())
    assert repository.change(add("a"))
    assert git(tmp_path / "there.git", "rev-list", "--count", "main") == "1"


@pytest.mark.parametrize("what", ["file", "folder", "url"])
def test_what_is_no_repository_is_one_line(tmp_path: Path, what: str) -> None:
    place = tmp_path / "place"
    if what == "file":
        place.write_text("x")
    if what == "folder":
        place.mkdir()
    url = place.as_uri() if what == "url" else str(place)
    with pytest.raises(RepositoryError, match=r"cannot clone.*Check the setting 'fleet_repo'") as error:
        FleetRepository(url).change(add("a"))
    assert "\n" not in str(error.value)


def test_a_refused_push_tells_why(repository: FleetRepository) -> None:
    repository.change(add("a"))
    hook = Path(repository.url) / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho the main branch is protected >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(RepositoryError, match="cannot push"):
        repository.change(add("b"))
    with repository.read() as tree:
        assert not (tree / "b").exists()


def test_without_git_there_is_one_line(
    repository: FleetRepository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RepositoryError, match="git is not installed"):
        repository.change(add("a"))


def test_a_password_in_the_url_stands_in_no_message(tmp_path: Path) -> None:
    login = "ada:secret"
    repository = FleetRepository(f"https://{login}@127.0.0.1:1/fleet.git")
    with pytest.raises(RepositoryError) as refused, repository.read():
        pass
    assert "https://127.0.0.1:1/fleet.git" in str(refused.value)
    assert "secret" not in str(refused.value) + repository.url
