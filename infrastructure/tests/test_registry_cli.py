"""The registry's commands, and which registry a setting means."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from physai.infrastructure import cli
from physai.infrastructure.contracts import digest_tree
from physai.infrastructure.registry import OciLayout, manifest_digest, open_registry
from physai.infrastructure.registry.remote import OciRegistry
from physai.infrastructure.settings import settings
from physai.infrastructure.tests.registry_packages import make_package

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def physai(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Runs `physai …` with its state in a folder of the test; gives exit code, stdout and stderr."""
    monkeypatch.setenv("PHYSAI_HOME", str(tmp_path / "home"))
    settings.cache_clear()

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["physai", *map(str, arguments)])
        with pytest.raises(SystemExit) as done:
            cli.main()
        said = capsys.readouterr()
        return int(done.value.code or 0), said.out, said.err

    yield run
    settings.cache_clear()


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_package(tmp_path_factory.mktemp("packages") / "reach")


def test_push_list_show_and_pull_tell_one_story(physai: Run, package: Path, tmp_path: Path) -> None:
    digest = manifest_digest(package)
    assert physai("registry", "digest", package)[1].strip() == digest
    assert json.loads(physai("registry", "push", package, "--tag", "v1", "--json")[1])["digest"] == digest
    assert json.loads(physai("registry", "list", "--json")[1])["artifacts"] == [{"digest": digest, "tags": ["v1"]}]
    assert digest in physai("registry", "list")[1]
    assert json.loads(physai("registry", "show", "v1", "--json")[1])["package"]["robot"] == "ur10"
    assert "30 Hz" in physai("registry", "show", "v1")[1]
    assert physai("registry", "pull", digest, tmp_path / "pulled")[0] == 0
    assert digest_tree(tmp_path / "pulled") == digest_tree(package)


def test_bad_input_is_one_line_and_exit_code_1(physai: Run, tmp_path: Path) -> None:
    for arguments in (
        ("registry", "push", tmp_path / "nothing"),
        ("registry", "pull", "v9", tmp_path / "pulled"),
        ("registry", "show", "sha256:" + "0" * 64),
        ("registry", "list", "--registry", "/etc"),
    ):
        code, out, err = physai(*arguments)
        assert (code, out) == (1, "")
        assert err.startswith("error: ")
        assert err.count("\n") == 1
    assert not (tmp_path / "pulled").exists()


def test_misuse_is_exit_code_2(physai: Run) -> None:
    assert physai("registry", "pull", "v1")[0] == 2


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("fleet.azurecr.io/policies", "fleet.azurecr.io/policies"),
        ("localhost/policies", "localhost/policies"),
        ("127.0.0.1:5000/a/b", "127.0.0.1:5000/a/b"),
        ("oci://registry/policies", "registry/policies"),
    ],
)
def test_an_image_name_means_a_registry(uri: str, name: str) -> None:
    registry = open_registry(uri)
    assert isinstance(registry, OciRegistry)
    assert registry.name == name


@pytest.mark.parametrize(
    ("uri", "root"),
    [
        ("/srv/registry", "/srv/registry"),
        ("./registry", "registry"),
        ("state/registry", "state/registry"),
        (".physai/registry", ".physai/registry"),
        ("file:///srv/the%20registry", "/srv/the registry"),
    ],
)
def test_a_path_means_a_folder(uri: str, root: str) -> None:
    registry = open_registry(uri)
    assert isinstance(registry, OciLayout)
    assert registry.root == Path(root)
