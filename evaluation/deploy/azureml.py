"""Definitions of an AzureML managed online endpoint: our host in a container, or Triton without one.

Source: learn.microsoft.com, "Deploy a model in a custom container to an online endpoint", "High-performance model
serving with Triton", and azure-ai-ml's own schemas, by which `check_files` reads what was written.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import model_validator

from physai.infrastructure.contracts import Contract, PolicyPackage
from physai.infrastructure.errors import one_line
from physai.infrastructure.jobs.azureml.check import quiet
from physai.infrastructure.jobs.azureml.locations import Datastore, LocationError, locate
from physai.infrastructure.registry.azureml import model_uri
from physai.infrastructure.registry.manifest import PACKAGE_FILE
from physai.infrastructure.registry.verify import GRAPH_FILE

from ..errors import DeployError
from .target import Image, Target

SCHEMAS = "https://azuremlschemas.azureedge.net/latest"
PORT = 8000
TRITON_FILE = "config.pbtxt"
ENDPOINT_FILE, MODEL_FILE, DEPLOYMENT_FILE = "endpoint.yaml", "model.yaml", "deployment.yaml"

type Body = dict[str, Any]


class AzureMLTarget(Contract):
    """A target on AzureML."""

    target: Target
    store: str | None = None
    """URL of the folder below which packages are laid for AzureML: `azure://account/container/path`."""
    registry: str | None = None
    """AzureML registry that has the package already, by `physai training package publish`."""
    image: Image | None
    """With physai, from `evaluation/setup/Containerfile`; None: Triton, which AzureML brings itself."""
    instance_type: str = "Standard_DS3_v2"
    instances: int = 1

    @model_validator(mode="after")
    def _is_in_one_place_that_can_be_served(self) -> Self:
        if (self.store is None) == (self.registry is None):
            raise DeployError(self.target.endpoint, "give --store or --registry, and not both")
        if self.registry and self.triton:
            why = "holds the package as it is, which Triton cannot serve. Give --image"
            raise DeployError(self.target.endpoint, f"--registry: {self.registry} {why}")
        return self

    @property
    def triton(self) -> bool:
        """Whether Triton serves it."""
        return self.image is None

    @property
    def prefix(self) -> str:
        """Where in the store the model lies; what Triton wants is laid out otherwise."""
        return f"{'triton' if self.triton else 'packages'}/{self.target.package.replace(':', '-')}"

    @property
    def version(self) -> str:
        """Of the model in the workspace."""
        return f"{self.target.short}{'-triton' if self.triton else ''}"

    @property
    def model(self) -> str:
        """The model as the deployment asks for it."""
        if self.registry:
            return model_uri(self.registry, self.target.model, self.target.package)
        return f"azureml:{self.target.asset}:{self.version}"

    def located(self) -> tuple[Datastore, str]:
        """The datastore, and the model in it as AzureML writes it.

        Raises:
            DeployError: If AzureML cannot reach the store.
        """
        assert self.store is not None, "a registry has it"
        try:
            return locate(f"{self.store.rstrip('/')}/{self.prefix}")
        except LocationError as error:
            raise DeployError(self.target.endpoint, f"--store: {error}") from error


def definitions(wanted: AzureMLTarget) -> dict[str, Body]:
    """File name → definition of the endpoint, the deployment, and the model if no registry has it; without traffic."""
    target = wanted.target
    tags = {"physai.package": target.package}
    endpoint: Body = {
        "$schema": f"{SCHEMAS}/managedOnlineEndpoint.schema.json",
        "name": target.endpoint,
        "auth_mode": "aad_token",
        "tags": {"physai.task": "policy"},
    }
    deployment: Body = {
        "$schema": f"{SCHEMAS}/managedOnlineDeployment.schema.json",
        "name": target.deployment,
        "endpoint_name": target.endpoint,
        "model": wanted.model,
        "instance_type": wanted.instance_type,
        "instance_count": wanted.instances,
        "scale_settings": {"type": "default"},
        "request_settings": {"max_concurrent_requests_per_instance": 8, "request_timeout_ms": 5000},
        "tags": tags,
    }
    if not wanted.triton:
        ready = {"initial_delay": 10, "period": 5, "timeout": 2, "failure_threshold": 30}
        deployment |= {
            "environment": {"image": wanted.image, "inference_config": _routes()},
            "liveness_probe": ready,
            "readiness_probe": ready,
        }
    model = {} if wanted.registry else {MODEL_FILE: _model(wanted, tags)}
    return {ENDPOINT_FILE: endpoint, **model, DEPLOYMENT_FILE: deployment}


def _model(wanted: AzureMLTarget, tags: dict[str, str]) -> Body:
    return {
        "$schema": f"{SCHEMAS}/model.schema.json",
        "name": wanted.target.asset,
        "version": wanted.version,
        "type": "triton_model" if wanted.triton else "custom_model",
        "path": wanted.located()[1],
        "tags": tags,
    }


def _routes() -> Body:
    paths = {"liveness_route": "/v2/health/live", "readiness_route": "/v2/health/ready", "scoring_route": "/"}
    return {name: {"port": PORT, "path": path} for name, path in paths.items()}


def write_files(found: Mapping[str, Body], folder: Path) -> None:
    """Write definitions as YAML, in the place of those before."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MODEL_FILE).unlink(missing_ok=True)
    for name, body in found.items():
        (folder / name).write_text(yaml.safe_dump(body, sort_keys=False))


def check_files(folder: Path) -> dict[str, Any]:
    """File name → endpoint, model and deployment as azure-ai-ml reads them; nothing is sent.

    Raises:
        DeployError: If it refuses a definition.
    """
    with quiet():
        from azure.ai.ml import load_model, load_online_deployment, load_online_endpoint
        from azure.ai.ml.exceptions import MlException
        from marshmallow import ValidationError

        read = {ENDPOINT_FILE: load_online_endpoint, MODEL_FILE: load_model, DEPLOYMENT_FILE: load_online_deployment}
        made = {}
        for name, load in read.items():
            if name == MODEL_FILE and not (folder / name).exists():
                continue  # a registry has it
            try:
                made[name] = load(str(folder / name))
            except (MlException, ValidationError) as error:
                said = one_line(error, 200)
                raise DeployError(str(folder / name), f"azure-ai-ml refuses it: {said.rstrip('.')}. Mend it") from error
    return made


def laid_out(folder: Path, *, triton: bool) -> dict[str, Path]:
    """Where AzureML wants each file of a package → the file.

    Our host is served the package as it is, Triton a model repository: `NAME/config.pbtxt` and `NAME/1/policy.onnx`.

    Raises:
        DeployError: If Triton is to serve a package that lacks its configuration.
    """
    package = PolicyPackage.read(folder / PACKAGE_FILE)
    if not triton:
        return {name: folder / name for name in (PACKAGE_FILE, *package.files)}
    if TRITON_FILE not in package.files:
        raise DeployError(
            str(folder),
            f"has no {TRITON_FILE}, so Triton cannot serve it. Build it with `physai training package build`",
        )
    name = package.name
    return {f"{name}/{TRITON_FILE}": folder / TRITON_FILE, f"{name}/1/{GRAPH_FILE}": folder / GRAPH_FILE}
