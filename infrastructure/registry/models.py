"""Entries of packages in MLflow's model registry: one version per digest, and the aliases that move over them.

The bytes stay in the OCI registry; an entry points to them. Needs `physai-infrastructure[tracking]`.
"""

import os
from typing import Literal

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, ErrorCode
from sqlalchemy.exc import SQLAlchemyError

from ..contracts import Digest
from ..settings import Settings, settings
from .aside import locked
from .errors import RegistryError

Alias = Literal["candidate", "champion"]

FAILURES = (MlflowException, SQLAlchemyError, OSError)

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")  # MLflow's own 7 keep a dead server's caller for minutes


class ModelRegistryError(RegistryError):
    """MLflow refused, or did not answer."""

    def __init__(self, uri: str, what: str, error: Exception) -> None:
        first = str(error).strip().partition("\n")[0][:200]
        super().__init__(f"{uri}: {what}: {first}. Check the setting 'tracking_uri'.")


def register(
    name: str,
    digest: Digest,
    *,
    run_id: str | None = None,
    alias: Alias | None = None,
    where: Settings | None = None,
) -> str:
    """Enter a package under its name, once per digest, and move an alias to it.

    Args:
        name: Name of the registered model, e.g. that of the package.
        digest: OCI manifest digest of the package.
        run_id: MLflow run that trained it.
        alias: Alias that is to point to it from now on.
        where: Other settings than this process's own.

    Returns:
        The version in the model registry.

    Raises:
        ModelRegistryError: If MLflow cannot do it.
    """
    config = where or settings()
    uri = str(config.tracking_uri)
    try:
        with locked(config.home / "models.lock"):
            client = MlflowClient(uri, uri)
            version = _find(client, name, digest) or _create(
                client, name, digest, f"{config.registry}@{digest}", run_id
            )
            if alias:
                client.set_registered_model_alias(name, alias, version.version)
    except FAILURES as error:
        raise ModelRegistryError(uri, f"cannot register '{name}'", error) from error
    return str(version.version)


def aliased(name: str, alias: Alias, where: Settings | None = None) -> Digest | None:
    """The digest that an alias points to, or None if there is no such model or alias."""
    uri = str((where or settings()).tracking_uri)
    client = MlflowClient(uri, uri)
    try:
        found = [model for model in client.search_registered_models(f"name = '{name}'") if alias in model.aliases]
        if not found:
            return None
        tags: dict[str, str] = client.get_model_version_by_alias(name, alias).tags
    except FAILURES as error:
        raise ModelRegistryError(uri, f"cannot read '{name}'", error) from error
    return tags.get("digest")


def _find(client: MlflowClient, name: str, digest: Digest) -> ModelVersion | None:
    found = client.search_model_versions(f"name = '{name}' and tags.digest = '{digest}'")
    return found[0] if found else None


def _create(client: MlflowClient, name: str, digest: Digest, source: str, run_id: str | None) -> ModelVersion:
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != ErrorCode.Name(RESOURCE_ALREADY_EXISTS):
            raise
    return client.create_model_version(name, source, run_id=run_id, tags={"digest": digest})
