"""A package in an AzureML registry, which Foundry's catalogue shows. Needs `physai-infrastructure[azureml]`.

From there `physai evaluation deploy azureml` puts it behind an endpoint, when it has given its golden answers.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any, Literal

from physai.infrastructure.contracts import Digest, Document, GateVerdict, PolicyPackage
from physai.infrastructure.jobs.azureml.check import quiet
from physai.infrastructure.jobs.azureml.errors import RefusedError
from physai.infrastructure.registry import manifest_digest
from physai.infrastructure.registry.azureml import model_uri, model_version
from physai.infrastructure.registry.verify import verify_package
from physai.infrastructure.settings import settings

from .register import check_passed


class RegistryEntry(Document):
    """A package in an AzureML registry."""

    kind: Literal["azureml-registry-entry"] = "azureml-registry-entry"
    version: Literal[1] = 1
    package: Digest
    registry: str
    model: str
    model_version: str
    uri: str
    """As jobs, deployments and the catalogue name it."""


def enter(folder: Path, verdict: Path, registry: str, client: Any = None) -> RegistryEntry:
    """Put a package that the gate has passed into an AzureML registry, once per digest.

    Args:
        folder: Of the package.
        verdict: Of the gate, on this very package.
        registry: Name of the AzureML registry.
        client: An `MLClient` of it; default: with the credentials of this machine.

    Raises:
        NotPassedError: If the verdict is not PASS, or is on another package.
        RegistryError: If the package is damaged.
        RefusedError: If AzureML says no.
    """
    package, digest = verify_package(folder), manifest_digest(folder)
    check_passed(verdict, GateVerdict.read(verdict), digest)
    version = model_version(digest)
    with telling(f"azureml registry '{registry}'"):
        from azure.ai.ml.entities import Model
        from azure.core.exceptions import ResourceNotFoundError

        asked = client or _client(registry)
        try:
            asked.models.get(package.name, version)
        except ResourceNotFoundError:
            asked.models.create_or_update(
                Model(
                    name=package.name,
                    version=version,
                    path=folder,
                    type="custom_model",
                    description=f"{package.policy_type} for {package.task} on {package.robot}",
                    tags=_tags(package, digest),
                )
            )
    return RegistryEntry(
        package=digest,
        registry=registry,
        model=package.name,
        model_version=version,
        uri=model_uri(registry, package.name, digest),
    )


def _tags(package: PolicyPackage, digest: Digest) -> dict[str, str]:
    return {
        "digest": digest,
        "task": package.task,
        "robot": package.robot,
        "run": package.run_id,
        "commit": package.commit,
    }


def _client(registry: str) -> Any:
    from azure.ai.ml import MLClient
    from azure.identity import DefaultAzureCredential

    known = settings()
    return MLClient(DefaultAzureCredential(), known.subscription_id, known.resource_group, registry_name=registry)


@contextmanager
def telling(what: str) -> Iterator[None]:
    """Tell the SDK's errors in one line."""
    from azure.ai.ml.exceptions import MlException
    from azure.core.exceptions import AzureError

    try:
        with quiet(), redirect_stderr(io.StringIO()):  # it draws progress, and says what it checks
            yield
    except (AzureError, MlException) as error:
        raise RefusedError(what, error) from error
