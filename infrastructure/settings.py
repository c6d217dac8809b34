"""Where things are: one model, filled from the environment, `physai.toml` and Terraform's outputs."""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any, override

from pydantic import Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from .errors import PhysaiError

CONFIG_FILE = Path("physai.toml")
PREFIX = "PHYSAI_"


class SettingsError(PhysaiError):
    """A setting is unknown or has a value that cannot be used."""

    def __init__(self, error: ValidationError) -> None:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        super().__init__(
            f"setting '{name}': {first['msg']} (got {first.get('input')!r:.80}). "
            f"Mend it in the environment ({PREFIX}{name.upper()}), in {CONFIG_FILE}, or in Terraform's outputs."
        )


class TerraformOutputs(PydanticBaseSettingsSource):
    """Reads what `terraform output -json` wrote into `<home>/terraform-outputs.json`.

    Outputs that are no settings are Terraform's own business and are passed over.
    """

    @override
    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        raise AssertionError("this source fills all fields at once")

    @override
    def __call__(self) -> dict[str, Any]:
        home = self.current_state.get("home", Settings.model_fields["home"].default)
        path = Path(home) / "terraform-outputs.json"
        if not path.exists():
            return {}
        try:
            outputs = json.loads(path.read_text())
            return {name: output["value"] for name, output in outputs.items() if name in Settings.model_fields}
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise PhysaiError(
                f"{path}: not the output of `terraform output -json` ({error}). Write it again, or remove it."
            ) from error


class Settings(BaseSettings):
    """Every setting of physai. The environment wins over `physai.toml`, which wins over Terraform's outputs."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, toml_file=CONFIG_FILE, frozen=True, extra="forbid", use_attribute_docstrings=True
    )

    home: Path = Path(".physai")
    """Folder of all local state; every default below lies in it."""
    storage: str | None = None
    """URI under which datasets are published; default: a folder."""
    registry: str | None = None
    """Where policy packages live: a folder in OCI layout, or `host/repository` of a registry."""
    fleet_repo: str | None = None
    """URL of the fleet's Git repository; default: a local bare repository."""
    tracking_uri: str | None = None
    """MLflow tracking URI; default: SQLite."""
    telemetry: str | None = None
    """Path of the telemetry store; default: DuckDB."""
    device: str = Field(default="cpu", pattern=r"^(cpu|cuda(:\d+)?)$")
    """Where simulation and training run."""
    asset_root: str | None = None
    """Root of Isaac assets (folder or URL); default: authored locally."""
    subscription_id: str | None = None
    resource_group: str | None = None
    azureml_workspace: str | None = None
    azureml_compute: str | None = None
    """Kubernetes or AmlCompute target that jobs run on; default: `aks`."""
    osmo_url: str | None = None
    """Address of the OSMO service; default: that of `osmo login`."""
    key_vault_url: str | None = None
    """Where AzureML jobs find the credentials that a workflow names."""

    @classmethod
    @override
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (
            init_settings,
            env_settings,
            TomlConfigSettingsSource(settings_cls),
            TerraformOutputs(settings_cls),
        )

    def filled(self) -> "Settings":
        """These settings with every local default written out, paths absolute."""
        home = self.home.absolute()
        return self.model_copy(
            update={
                "home": home,
                "storage": self.storage or (home / "datasets").as_uri(),
                "registry": self.registry or str(home / "registry"),
                "fleet_repo": self.fleet_repo or str(home / "fleet.git"),
                "tracking_uri": self.tracking_uri or f"sqlite:///{home / 'mlflow.db'}",
                "telemetry": self.telemetry or str(home / "telemetry.duckdb"),
                "asset_root": self.asset_root or str(home / "assets"),
            }
        )

    def environment(self) -> dict[str, str]:
        """The variables under which another process has these same settings."""
        return {f"{PREFIX}{name.upper()}": str(value) for name, value in self.model_dump().items() if value is not None}


def _unknown_variables() -> list[str]:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    return sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)


@cache
def settings() -> Settings:
    """The settings of this process, read once, every default filled in.

    Raises:
        SettingsError: If a value cannot be used.
        PhysaiError: If a file is broken, or a variable names no setting.
    """
    if unknown := _unknown_variables():
        known = ", ".join(f"{PREFIX}{name.upper()}" for name in Settings.model_fields)
        raise PhysaiError(f"environment: {unknown[0]} is no setting. Known: {known}.")
    try:
        return Settings().filled()
    except ValidationError as error:
        raise SettingsError(error) from error
    except ValueError as error:  # tomllib.TOMLDecodeError
        raise PhysaiError(f"{CONFIG_FILE}: not valid TOML: {error}. Mend the line, or remove the file.") from error
