"""The policy host on Kubernetes, such as AKS: a Deployment per package, and a Service that turns to it when proven."""

import re
from typing import Any

import yaml
from pydantic import Field

from physai.infrastructure.contracts import Contract
from physai.infrastructure.setup.command import Command

from .target import Image, Target

PORT = 8000
FOLDER, WORK = "/package", "/work"
USER = 10001
MANAGER = "physai"

type Manifest = dict[str, Any]


class KubernetesTarget(Contract):
    """A target on a cluster."""

    target: Target
    image: Image
    registry: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]*(:[0-9]+)?(/[a-z0-9._-]+)+$")
    """`host/repository` of the policy packages; a pod cannot reach a folder of this machine."""
    namespace: str = Field(default="policies", pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")
    service_account: str = Field(default="default", pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")
    """Whose federated identity may pull from the registry."""
    replicas: int = Field(default=2, ge=1)
    most: int = Field(default=4, ge=1)
    """Replicas that load may bring it to."""
    gpus: int = Field(default=0, ge=0)
    """Of each replica."""

    @property
    def name(self) -> str:
        """Of what serves this package."""
        return f"{self.target.endpoint}-{self.target.short}"

    @property
    def labels(self) -> dict[str, str]:
        """By which the pods of this package are found."""
        return {"app.kubernetes.io/name": self.target.endpoint, "physai/package": self.target.short}


def blue(wanted: KubernetesTarget) -> list[Manifest]:
    """What serves the package, under a name of its own, with nobody led to it yet."""
    return [_deployment(wanted), _service(wanted, wanted.name), _scaler(wanted), _disruption(wanted)]


def proof(wanted: KubernetesTarget) -> Manifest:
    """A job in the cluster that asks the new pods, and fails unless they are the package."""
    ask = ["evaluation", "prove", FOLDER, f"--server=http://{wanted.name}:{PORT}", f"--model={_model(wanted)}"]
    pod = _pod(wanted, _container(wanted, "prove", ask)) | {"restartPolicy": "Never"}
    spec = {"backoffLimit": 2, "ttlSecondsAfterFinished": 3600, "template": {"spec": pod}}
    return _object("batch/v1", "Job", f"{wanted.name}-proof", wanted, spec)


def green(wanted: KubernetesTarget) -> Manifest:
    """The Service that robots and evaluations know, led to the package."""
    return _service(wanted, wanted.target.endpoint)


def files(wanted: KubernetesTarget) -> dict[str, str]:
    """File name → manifests, in the order in which they are applied."""
    return {
        "1-package.yaml": text(blue(wanted)),
        "2-proof.yaml": text([proof(wanted)]),
        "3-traffic.yaml": text([green(wanted)]),
    }


def commands(wanted: KubernetesTarget) -> list[Command]:
    """Make it, wait until it is ready, prove it, and only then lead the traffic to it."""
    here = ("--namespace", wanted.namespace)
    apply = ("kubectl", "apply", "--server-side", "--field-manager", MANAGER, "--filename", "-")
    first, second, third = files(wanted).values()
    job = f"job/{wanted.name}-proof"
    return [
        Command(
            argv=("kubectl", "create", "namespace", wanted.namespace),
            unless=("kubectl", "get", "namespace", wanted.namespace),
        ),
        Command(argv=apply, input=first),
        Command(argv=("kubectl", "rollout", "status", f"deployment/{wanted.name}", *here, "--timeout=10m")),
        Command(argv=("kubectl", "delete", job, *here, "--ignore-not-found")),
        Command(argv=apply, input=second),
        Command(argv=("kubectl", "wait", "--for=condition=complete", job, *here, "--timeout=5m")),
        Command(argv=apply, input=third),
    ]


def text(manifests: list[Manifest]) -> str:
    """Manifests as one YAML stream."""
    return yaml.safe_dump_all(manifests, sort_keys=False)


def _deployment(wanted: KubernetesTarget) -> Manifest:
    serve = ["evaluation", "serve", f"{_model(wanted)}={FOLDER}", "--host=0.0.0.0", f"--port={PORT}"]
    host = _container(wanted, "host", serve) | {
        "ports": [{"name": "http", "containerPort": PORT}],
        "startupProbe": _probe("ready", period=2, failures=60),
        "readinessProbe": _probe("ready", period=5, failures=2),
        "livenessProbe": _probe("live", period=10, failures=3),
    }
    if wanted.gpus:
        host["resources"]["limits"]["nvidia.com/gpu"] = wanted.gpus
    spec = {
        "replicas": wanted.replicas,
        "selector": {"matchLabels": wanted.labels},
        "template": {"metadata": {"labels": wanted.labels}, "spec": _pod(wanted, host)},
    }
    return _object("apps/v1", "Deployment", wanted.name, wanted, spec)


def _service(wanted: KubernetesTarget, name: str) -> Manifest:
    ports = [{"name": "http", "port": PORT, "targetPort": "http"}]
    return _object("v1", "Service", name, wanted, {"selector": wanted.labels, "ports": ports})


def _scaler(wanted: KubernetesTarget) -> Manifest:
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": wanted.name},
        "minReplicas": wanted.replicas,
        "maxReplicas": max(wanted.replicas, wanted.most),
        "metrics": [
            {
                "type": "Resource",
                "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
            }
        ],
    }
    return _object("autoscaling/v2", "HorizontalPodAutoscaler", wanted.name, wanted, spec)


def _disruption(wanted: KubernetesTarget) -> Manifest:
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": wanted.labels}}
    return _object("policy/v1", "PodDisruptionBudget", wanted.name, wanted, spec)


def _pod(wanted: KubernetesTarget, container: Manifest) -> Manifest:
    """The package is pulled by its whole digest and verified before anything serves it."""
    pull = _container(wanted, "pull", ["registry", "pull", wanted.target.package, f"{FOLDER}-new/package"])
    pull["volumeMounts"][0]["mountPath"] = f"{FOLDER}-new"
    container["volumeMounts"][0] |= {"readOnly": True, "subPath": "package"}
    return {
        "serviceAccountName": wanted.service_account,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "initContainers": [pull],
        "containers": [container],
        "volumes": [{"name": "package", "emptyDir": {}}, {"name": "work", "emptyDir": {}}],
    }


def _container(wanted: KubernetesTarget, name: str, words: list[str]) -> Manifest:
    return {
        "name": name,
        "image": wanted.image,
        "command": ["physai", *words],
        "workingDir": WORK,
        "env": [
            {"name": "PHYSAI_REGISTRY", "value": wanted.registry},
            {"name": "HOME", "value": WORK},
            {"name": "TMPDIR", "value": WORK},
        ],
        "resources": {"requests": {"cpu": "500m", "memory": "512Mi"}, "limits": {"memory": "2Gi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "package", "mountPath": FOLDER}, {"name": "work", "mountPath": WORK}],
    }


def _probe(what: str, period: int, failures: int) -> Manifest:
    get = {"path": f"/v2/health/{what}", "port": "http"}
    return {"httpGet": get, "periodSeconds": period, "failureThreshold": failures, "timeoutSeconds": 2}


def _object(version: str, kind: str, name: str, wanted: KubernetesTarget, spec: dict[str, Any]) -> Manifest:
    labels = wanted.labels | {"app.kubernetes.io/part-of": "physai"}
    notes = {"physai/package": wanted.target.package}
    metadata = {"name": name, "namespace": wanted.namespace, "labels": labels, "annotations": notes}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def _model(wanted: KubernetesTarget) -> str:
    """Name of the model in the host's paths."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", wanted.target.model)
