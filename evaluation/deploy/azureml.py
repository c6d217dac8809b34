"""Definitions of an AzureML managed online endpoint: our host in a container, or Triton without one.

Source: learn.microsoft.com, "Deploy a model in a custom container to an online endpoint", "High-performance model
serving with Triton", and azure-ai-ml's own schemas, by which `check_files` reads what was written.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from physai.infrastructure.contracts import Contract, PolicyPackage
from physai.infrastructure.jobs.azureml.check import quiet
from physai.infrastructure.jobs.azureml.locations import Datastore, LocationError, locate
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
    store: str
    """URL of the folder below which packages are laid for AzureML: `azure://account/container/path`."""
    image: Image | None
    """With physai, from `evaluation/setup/Containerfile`; None: Triton, which AzureML brings itself."""
    instance_type: str = "Standard_DS3_v2"
    instances: int = 1

    @property
    def triton(self) -> bool:
        """Whether Triton serves it."""
        return self.image is None

    @property
    def prefix(self) -> str:
        """Where in the store the model lies; what Triton wants is laid out otherwise."""
        return f"{'triton' if self.triton else 'packages'}/{self.target.package.replace(':', '-')}"

    def located(self) -> tuple[Datastore, str]:
        """The datastore, and the model in it as AzureML writes it.

        Raises:
            DeployError: If AzureML cannot reach the store.
        """
        try:
            return locate(f"{self.store.rstrip('/')}/{self.prefix}")
        except LocationError as error:
            raise DeployError(self.target.endpoint, f"--store: {error}") from error


def definitions(wanted: AzureMLTarget) -> dict[str, Body]:
    """File name → definition of the endpoint, the model and the deployment. The deployment gets no traffic by them."""
    target = wanted.target
    tags = {"physai.package": target.package}
    version = f"{target.short}{'-triton' if wanted.triton else ''}"
    endpoint: Body = {
        "$schema": f"{SCHEMAS}/managedOnlineEndpoint.schema.json",
        "name": target.endpoint,
        "auth_mode": "aad_token",
        "tags": {"physai.task": "policy"},
    }
    model: Body = {
        "$schema": f"{SCHEMAS}/model.schema.json",
        "name": target.asset,
        "version": version,
        "type": "triton_model" if wanted.triton else "custom_model",
        "path": wanted.located()[1],
        "tags": tags,
    }
    deployment: Body = {
        "$schema": f"{SCHEMAS}/managedOnlineDeployment.schema.json",
        "name": target.deployment,
        "endpoint_name": target.endpoint,
        "model": f"azureml:{target.asset}:{version}",
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
    return {ENDPOINT_FILE: endpoint, MODEL_FILE: model, DEPLOYMENT_FILE: deployment}


def _routes() -> Body:
    paths = {"liveness_route": "/v2/health/live", "readiness_route": "/v2/health/ready", "scoring_route": "/"}
    return {name: {"port": PORT, "path": path} for name, path in paths.items()}


def write_files(found: Mapping[str, Body], folder: Path) -> None:
    """Write definitions as YAML."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, body in found.items():
        (folder / name).write_text(yaml.safe_dump(body, sort_keys=False))


def check_files(folder: Path) -> tuple[Any, Any, Any]:
    """Endpoint, model and deployment as azure-ai-ml reads them; nothing is sent.

    Raises:
        DeployError: If it refuses a definition.
    """
    with quiet():
        from azure.ai.ml import load_model, load_online_deployment, load_online_endpoint
        from azure.ai.ml.exceptions import MlException
        from marshmallow import ValidationError

        read = {ENDPOINT_FILE: load_online_endpoint, MODEL_FILE: load_model, DEPLOYMENT_FILE: load_online_deployment}
        made = []
        for name, load in read.items():
            try:
                made.append(load(str(folder / name)))
            except (MlException, ValidationError) as error:
                said = " ".join(str(error).split())[:200]
                raise DeployError(str(folder / name), f"azure-ai-ml refuses it: {said.rstrip('.')}. Mend it") from error
    return made[0], made[1], made[2]


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
