"""Entries of packages in MLflow's model registry: one version per digest, and the aliases that move over them.

The bytes stay in the OCI registry; an entry points to them. Needs `physai-infrastructure[tracking]`.
"""

from typing import TYPE_CHECKING, Literal

from ..aside import locked
from ..contracts import Digest
from ..settings import Settings, settings
from ..tracking.client import open_client, tracking

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel

Alias = Literal["candidate", "champion"]


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
        TrackingError: If MLflow cannot do it.
    """
    config = where or settings()
    client = open_client(config)
    with locked(config.home / "models.lock"), tracking(str(config.tracking_uri), f"cannot register '{name}'"):
        source = f"{config.registry}@{digest}"
        version = _find(client, name, digest) or _create(client, name, digest, source, run_id)
        if alias:
            client.set_registered_model_alias(name, alias, version.version)
    return str(version.version)


def aliased(name: str, alias: Alias, where: Settings | None = None) -> Digest | None:
    """The digest that an alias points to, or None if there is no such model or alias."""
    config = where or settings()
    client = open_client(config)
    with tracking(str(config.tracking_uri), f"cannot read '{name}'"):
        if not any(alias in model.aliases for model in _models(client, name)):
            return None
        tags: dict[str, str] = client.get_model_version_by_alias(name, alias).tags
    return tags.get("digest")


def _models(client: "MlflowClient", name: str) -> list["RegisteredModel"]:
    return list(client.search_registered_models(f"name = '{name}'"))


def _find(client: "MlflowClient", name: str, digest: Digest) -> "ModelVersion | None":
    found = client.search_model_versions(f"name = '{name}' and tags.digest = '{digest}'")
    return found[0] if found else None


def _create(client: "MlflowClient", name: str, digest: Digest, source: str, run_id: str | None) -> "ModelVersion":
    if not _models(client, name):
        client.create_registered_model(name)
    return client.create_model_version(name, source, run_id=run_id, tags={"digest": digest})
