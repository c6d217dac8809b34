"""Other projects are cloned at their pinned commit, from a repository on this machine."""

import json
import subprocess
from pathlib import Path

import pytest

from physai.infrastructure.cli import main
from physai.infrastructure.external import read_pins, sync
from physai.infrastructure.external.pins import ExternalError, look_up
from physai.infrastructure.external.sync import plan

REPOSITORY = Path(__file__).parents[2]


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    done = subprocess.run(["git", "-C", str(folder), *who, *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    """A project with two tagged versions."""
    folder = tmp_path / "upstream"
    folder.mkdir()
    git(folder, "init", "--quiet")
    git(folder, "config", "uploadpack.allowAnySHA1InWant", "true")  # as GitHub
    for version in ("v1", "v2"):
        (folder / "module.py").write_text(f"version = '{version}'\n")
        git(folder, "add", ".")
        git(folder, "commit", "--quiet", "-m", version)
        git(folder, "tag", "-a", version, "-m", version)
    return folder


@pytest.fixture
def root(tmp_path: Path, upstream: Path) -> Path:
    root = tmp_path / "repository"
    (root / "external").mkdir(parents=True)
    write_pins(root, upstream, git(upstream, "rev-parse", "v1^{commit}"))
    return root


def write_pins(root: Path, upstream: Path, commit: str) -> None:
    (root / "external/pins.yaml").write_text(
        f'# pins\n- name: boxes\n  url: file://{upstream}\n  tag: v1\n  commit: "{commit}"\n  python: [src]\n'
        f"- name: crates # later\n  url: file://{upstream}\n  tag: v2\n"
    )


def call(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["physai", "external", *words])
    with pytest.raises(SystemExit) as stop:
        main()
    assert isinstance(stop.value.code, int)
    return stop.value.code


def test_a_pinned_commit_is_cloned_whole(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(monkeypatch, "sync", "--plan", "--root", str(root)) == 0
    assert not (root / "external/boxes").exists()
    assert call(monkeypatch, "sync", "--root", str(root)) == 0
    assert (root / "external/boxes/module.py").read_text() == "version = 'v1'\n"
    assert "external/boxes/src" in json.loads((root / "pyrightconfig.json").read_text())["extraPaths"]
    [boxes] = read_pins(root, ("boxes",))
    assert plan(root, boxes).action == "none"


def test_a_clone_moves_to_a_new_pin(root: Path, upstream: Path) -> None:
    sync(root, read_pins(root, ("boxes",))[0])
    write_pins(root, upstream, git(upstream, "rev-parse", "v2^{commit}"))
    assert sync(root, read_pins(root, ("boxes",))[0]).action == "move"
    assert (root / "external/boxes/module.py").read_text() == "version = 'v2'\n"


def test_a_clone_with_changes_is_left_alone(root: Path, upstream: Path) -> None:
    sync(root, read_pins(root, ("boxes",))[0])
    (root / "external/boxes/module.py").write_text("mine\n")
    write_pins(root, upstream, git(upstream, "rev-parse", "v2^{commit}"))
    with pytest.raises(ExternalError, match="has changes"):
        sync(root, read_pins(root, ("boxes",))[0])
    assert (root / "external/boxes/module.py").read_text() == "mine\n"


def test_a_commit_that_is_not_there_leaves_nothing(root: Path, upstream: Path) -> None:
    write_pins(root, upstream, "0" * 40)
    with pytest.raises(ExternalError, match="git fetch failed"):
        sync(root, read_pins(root, ("boxes",))[0])
    assert sorted(path.name for path in (root / "external").iterdir()) == ["pins.yaml"]


def test_a_tag_is_looked_up_and_written(root: Path, upstream: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (root / "external/pins.yaml").read_text()
    assert call(monkeypatch, "pin", "crates", "--root", str(root)) == 0
    commit = git(upstream, "rev-parse", "v2^{commit}")
    assert (root / "external/pins.yaml").read_text() == f'{before}  commit: "{commit}"\n'
    assert read_pins(root, ("crates",))[0].commit == commit
    with pytest.raises(ExternalError, match="has no tag v9"):
        look_up(read_pins(root, ("crates",))[0].model_copy(update={"tag": "v9"}))


def test_a_tag_alone_is_pinned_by_the_first_clone(root: Path, upstream: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (root / "external/pins.yaml").read_text()
    assert call(monkeypatch, "sync", "crates", "--plan", "--root", str(root)) == 0
    assert (root / "external/pins.yaml").read_text() == before
    assert call(monkeypatch, "sync", "--root", str(root)) == 0
    assert (root / "external/crates/module.py").read_text() == "version = 'v2'\n"
    pinned = read_pins(root, ("crates",))[0]
    git(upstream, "tag", "-f", "-a", "v2", "-m", "moved", "v1^{commit}")
    assert plan(root, pinned).action == "none"


def test_a_project_that_is_not_pinned_is_named(root: Path) -> None:
    with pytest.raises(ExternalError, match="Run `physai external pin crates`"):
        sync(root, read_pins(root, ("crates",))[0])
    with pytest.raises(ExternalError, match="Did you mean 'boxes'"):
        read_pins(root, ("boxs",))


@pytest.mark.parametrize("text", ['{"strict": []}', "// ours\n{}", "[]"])
def test_an_editors_file_that_is_not_ours_stays(root: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    (root / "pyrightconfig.json").write_text(text)
    assert call(monkeypatch, "sync", "--root", str(root)) == 0
    assert (root / "pyrightconfig.json").read_text() == text


def test_the_committed_pins_can_be_read() -> None:
    assert {pin.name for pin in read_pins(REPOSITORY)} >= {"isaac-lab", "lerobot", "osmo"}
