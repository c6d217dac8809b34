"""The platform that Terraform made: what charts, service accounts and instance types are generated from."""

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from ..contracts import Contract
from .errors import NoPlatformError
from .profile import NodePool


class Database(Contract):
    """OSMO's PostgreSQL; its password is a secret of the Key Vault."""

    host: str
    port: int
    name: str
    user: str
    secret: str


class Redis(Contract):
    """OSMO's Redis; its password is a secret of the Key Vault."""

    host: str
    port: int
    secret: str


class Platform(Contract):
    """Output `platform` of the root module, and three of its settings."""

    subscription_id: str
    resource_group: str
    azureml_workspace: str
    name: str
    environment: Literal["dev", "prod"]
    location: str
    tenant_id: str
    network_mode: Literal["public", "hybrid", "private"]
    cluster: str
    registry: str
    storage_account: str
    containers: dict[str, str]
    key_vault: str
    identities: dict[str, str]
    """Client ids by purpose."""
    endpoint_identity_id: str
    node_pools: dict[str, NodePool]
    azureml_compute: str
    osmo_database: Database
    osmo_redis: Redis
    grafana: str | None
    prometheus_query_endpoint: str | None


SETTINGS = ("subscription_id", "resource_group", "azureml_workspace")


def read_platform(path: Path) -> Platform:
    """Read what `terraform output -json` wrote.

    Raises:
        NoPlatformError: If it is not there, or not of this root module.
    """
    try:
        outputs: dict[str, Any] = json.loads(path.read_text())
        values = {name: outputs[name]["value"] for name in SETTINGS} | outputs["platform"]["value"]
    except FileNotFoundError as error:
        raise NoPlatformError(path, "there are no outputs of Terraform") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise NoPlatformError(path, f"these are not the outputs of infrastructure/terraform ({error!r})") from error
    try:
        return Platform.model_validate_json(json.dumps(values))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise NoPlatformError(path, f"platform.{where}: {first['msg']}") from error
