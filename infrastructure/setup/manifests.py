"""Kubernetes objects besides the charts: namespaces, service accounts, secrets, ingress, AzureML instance types."""

from collections.abc import Iterable
from typing import Any

import yaml

from ..plain_yaml import PlainDumper
from .platform import Platform
from .profile import LABEL, NodePool
from .values import GPU_TOLERATION, INGRESS_CLASS, SPOT_TOLERATION, WORKLOAD_IDENTITY

type Manifest = dict[str, Any]

NAMESPACES = ("osmo", "osmo-operator", "osmo-workflows", "azureml", "gpu-operator", "kai-scheduler")


def render(manifests: Iterable[Manifest]) -> str:
    """Several objects as one YAML stream."""
    return str(yaml.dump_all(manifests, Dumper=PlainDumper, sort_keys=False))


def namespaces(platform: Platform) -> list[Manifest]:
    """Namespaces, and the service accounts that act as the identity of jobs."""
    jobs = {"azure.workload.identity/client-id": platform.identities["jobs"]}
    return [
        *({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in NAMESPACES),
        *(
            {
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": {"name": "default", "namespace": name, "annotations": jobs, "labels": WORKLOAD_IDENTITY},
            }
            for name in ("osmo-workflows", "azureml")
        ),
    ]


def secret(name: str, namespace: str, values: dict[str, str]) -> Manifest:
    """An opaque secret; a value may name a secret that is read when the command runs, so that no plan shows it."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "type": "Opaque",
        "stringData": values,
    }


def ingress(platform: Platform) -> list[Manifest]:
    """The controller of AKS's application routing add-on; inside the network when the platform is private.

    Source: https://learn.microsoft.com/azure/aks/app-routing-nginx-configuration
    """
    annotations = {"service.beta.kubernetes.io/azure-load-balancer-internal": "true"}
    spec: Manifest = {"ingressClassName": INGRESS_CLASS, "controllerNamePrefix": INGRESS_CLASS}
    if platform.network_mode == "private":
        spec["loadBalancerAnnotations"] = annotations
    return [
        {
            "apiVersion": "approuting.kubernetes.azure.com/v1alpha1",
            "kind": "NginxIngressController",
            "metadata": {"name": INGRESS_CLASS},
            "spec": spec,
        }
    ]


def instance_types(platform: Platform) -> list[Manifest]:
    """One AzureML instance type per node pool, under the name of its platform.

    Source: https://learn.microsoft.com/azure/machine-learning/how-to-manage-kubernetes-instance-types
    """
    return [_instance_type(pool) for pool in platform.node_pools.values()]


def _instance_type(pool: NodePool) -> Manifest:
    amount: Manifest = {"cpu": str(pool.job_limit.cpu), "memory": f"{pool.job_limit.memory_gib}Gi"}
    if pool.job_limit.gpu:
        amount["nvidia.com/gpu"] = pool.job_limit.gpu
    tolerations = ([GPU_TOLERATION] if pool.job_limit.gpu else []) + ([SPOT_TOLERATION] if pool.spot else [])
    return {
        "apiVersion": "amlarc.azureml.com/v1alpha1",
        "kind": "InstanceType",
        "metadata": {"name": pool.platform},
        "spec": {
            "nodeSelector": {LABEL: pool.platform},
            **({"tolerations": tolerations} if tolerations else {}),
            "resources": {"requests": amount, "limits": amount},
        },
    }
