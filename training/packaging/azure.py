"""A package in Azure: an AzureML registry, which Foundry's catalogue shows, and a deployment in a Foundry project.

Both name the package by its digest. Source: learn.microsoft.com/azure/machine-learning, "Share models with registries"
and "Custom container for online endpoints". Needs `physai-infrastructure[azureml]`.
"""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any, Literal

from physai.infrastructure.contracts import Digest, Document, GateVerdict, PolicyPackage
from physai.infrastructure.jobs.azureml.check import quiet
from physai.infrastructure.jobs.azureml.errors import NoWorkspaceError, RefusedError
from physai.infrastructure.registry import manifest_digest
from physai.infrastructure.registry.verify import verify_package
from physai.infrastructure.settings import settings

from ..errors import ImageReferenceError
from .register import check_passed

PORT = 8000  # Triton's HTTP
LIVE, READY = "/v2/health/live", "/v2/health/ready"
"""Source: github.com/kserve/kserve, docs/predict-api/v2/required_api.md, "Health"."""


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


class Deployment(Document):
    """A package behind an endpoint of a Foundry project, or the plan of it."""

    kind: Literal["foundry-deployment"] = "foundry-deployment"
    version: Literal[1] = 1
    package: Digest
    project: str
    endpoint: str
    deployment: str
    model: str
    image: str
    instance_type: str
    instances: int
    created: bool
    """False: this is what would be created."""


def model_version(digest: Digest) -> str:
    """Version of a package in a registry, which has one per digest."""
    return digest.removeprefix("sha256:")[:16]


def model_uri(registry: str, package: PolicyPackage, digest: Digest) -> str:
    """Name of a package in an AzureML registry."""
    return f"azureml://registries/{registry}/models/{package.name}/versions/{model_version(digest)}"


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

        asked = client or _client(registry_name=registry)
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
        uri=model_uri(registry, package, digest),
    )


def deploy(
    folder: Path,
    registry: str,
    project: str,
    image: str,
    *,
    instance_type: str,
    instances: int = 1,
    create: bool = False,
    client: Any = None,
) -> Deployment:
    """Deploy a package of an AzureML registry in a Foundry project, by its inference image; or only plan it.

    An endpoint that is there keeps its traffic; the first deployment of a new one gets all of it.

    Args:
        folder: Of the package.
        registry: AzureML registry that has it.
        project: Name of the Foundry project (a workspace of AzureML).
        image: Inference image `HOST/REPOSITORY@sha256:…`, of a variant with a server.
        instance_type: E.g. `Standard_NC4as_T4_v3`.
        instances: Machines that serve it.
        create: Whether to create what costs money; False tells what would be.
        client: An `MLClient` of the project; default: with the credentials of this machine.

    Raises:
        ImageReferenceError: If the image is not named by its digest.
        RegistryError: If the package is damaged.
        RefusedError: If AzureML says no.
    """
    package, digest = verify_package(folder), manifest_digest(folder)
    if "@sha256:" not in image:
        raise ImageReferenceError(image)
    plan = Deployment(
        package=digest,
        project=project,
        endpoint=re.sub(r"[^A-Za-z0-9]+", "-", package.name)[:32].strip("-"),
        deployment=f"d{digest.removeprefix('sha256:')[:12]}",
        model=model_uri(registry, package, digest),
        image=image,
        instance_type=instance_type,
        instances=instances,
        created=create,
    )
    if create:
        with telling(f"foundry project '{project}'"):
            _create(client or _client(workspace_name=project), package, plan)
    return plan


def _create(client: Any, package: PolicyPackage, plan: Deployment) -> None:
    from azure.ai.ml.entities import (
        DefaultScaleSettings,
        Environment,
        ManagedOnlineDeployment,
        ManagedOnlineEndpoint,
    )
    from azure.core.exceptions import ResourceNotFoundError

    tags = _tags(package, plan.package)
    try:
        endpoint = client.online_endpoints.get(plan.endpoint)
    except ResourceNotFoundError:
        endpoint = ManagedOnlineEndpoint(name=plan.endpoint, auth_mode="aad_token")
        client.online_endpoints.begin_create_or_update(endpoint).result()
    first = not any(endpoint.traffic.values())
    routes = {
        "liveness_route": {"path": LIVE, "port": PORT},
        "readiness_route": {"path": READY, "port": PORT},
        "scoring_route": {"path": f"/v2/models/{package.name}/infer", "port": PORT},
    }
    client.online_deployments.begin_create_or_update(
        ManagedOnlineDeployment(
            name=plan.deployment,
            endpoint_name=plan.endpoint,
            model=plan.model,
            environment=Environment(name=package.name, image=plan.image, inference_config=routes),
            instance_type=plan.instance_type,
            instance_count=plan.instances,
            scale_settings=DefaultScaleSettings(),
            tags=tags,
        )
    ).result()
    if first:
        endpoint.traffic = {plan.deployment: 100}
        client.online_endpoints.begin_create_or_update(endpoint).result()


def _tags(package: PolicyPackage, digest: Digest) -> dict[str, str]:
    return {
        "digest": digest,
        "task": package.task,
        "robot": package.robot,
        "run": package.run_id,
        "commit": package.commit,
    }


def _client(**which: str) -> Any:
    known = settings()
    names = ("subscription_id", "resource_group") if "workspace_name" in which else ()
    if missing := tuple(name for name in names if not getattr(known, name)):
        raise NoWorkspaceError(missing)
    from azure.ai.ml import MLClient
    from azure.identity import DefaultAzureCredential

    return MLClient(DefaultAzureCredential(), known.subscription_id, known.resource_group, **which)


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
