import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from physai.infrastructure.errors import PhysaiError
from physai.infrastructure.settings import PREFIX, Settings, SettingsError, settings
from physai.infrastructure.settings_cli import app


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working folder and an environment without our variables."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"{PREFIX}{name.upper()}", raising=False)
    monkeypatch.chdir(tmp_path)
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()


def terraform(folder: Path, content: object) -> Path:
    path = folder / ".physai" / "terraform-outputs.json"
    path.parent.mkdir()
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_every_default_lies_in_the_home_folder(folder: Path) -> None:
    home = folder / ".physai"
    current = settings()
    assert current.home == home
    assert current.storage == (home / "datasets").as_uri()
    assert current.registry == str(home / "registry")
    assert current.fleet_repo == str(home / "fleet.git")
    assert current.tracking_uri == f"sqlite:///{home / 'mlflow.db'}"
    assert current.telemetry == str(home / "telemetry.duckdb")
    assert current.device == "cpu"
    assert current.subscription_id is None


def test_the_environment_wins_over_the_file_which_wins_over_terraform(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = {name: {"value": "terraform"} for name in ("storage", "registry", "fleet_repo")}
    terraform(folder, {**outputs, "aks_name": {"value": "robots"}})
    (folder / "physai.toml").write_text('registry = "file"\nfleet_repo = "file"\n')
    monkeypatch.setenv("PHYSAI_FLEET_REPO", "environment")
    current = settings()
    assert (current.storage, current.registry, current.fleet_repo) == ("terraform", "file", "environment")


def test_terraform_outputs_are_sought_in_the_home_folder_that_is_set(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terraform(folder, {"storage": {"value": "azure://robots/datasets"}}).rename(folder / "terraform-outputs.json")
    monkeypatch.setenv("PHYSAI_HOME", str(folder))
    assert settings().storage == "azure://robots/datasets"


def test_another_process_gets_the_same_settings(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "physai.toml").write_text('device = "cuda:1"\n')
    first = settings()
    for name, value in first.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir("/")
    settings.cache_clear()
    assert settings() == first


def test_a_variable_that_is_no_setting_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHYSAI_STORAGGE", "x")
    with pytest.raises(PhysaiError, match=r"environment: PHYSAI_STORAGGE is no setting\. Known: PHYSAI_HOME, PHYSAI_"):
        settings()


def test_a_value_that_cannot_be_used_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHYSAI_DEVICE", "gpu")
    with pytest.raises(SettingsError, match=r"setting 'device': .*got 'gpu'.*PHYSAI_DEVICE"):
        settings()


def test_an_unknown_key_of_the_file_is_refused(folder: Path) -> None:
    (folder / "physai.toml").write_text('storrage = "x"\n')
    with pytest.raises(SettingsError, match="setting 'storrage': Extra inputs are not permitted"):
        settings()


@pytest.mark.parametrize("content", [b"registry = ", b"= 1", b"\xff\xfe"])
def test_a_file_that_is_no_toml_is_named(folder: Path, content: bytes) -> None:
    (folder / "physai.toml").write_bytes(content)
    with pytest.raises(PhysaiError, match=r"physai\.toml: not valid TOML"):
        settings()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"storage": "x"}', '{"storage": {"type": "string"}}', "3"])
def test_terraform_outputs_that_are_none_are_named(folder: Path, content: str) -> None:
    path = terraform(folder, content)
    with pytest.raises(PhysaiError, match="not the output of `terraform output -json`") as caught:
        settings()
    assert str(path.relative_to(folder)) in str(caught.value)


def test_the_command_prints_every_setting_and_its_variable() -> None:
    shown = json.loads(CliRunner().invoke(app, ["show", "--json"]).stdout)
    assert shown["device"] == "cpu"
    table = CliRunner().invoke(app, ["show"], env={"COLUMNS": "200"}).stdout
    assert "PHYSAI_TRACKING_URI" in table
