"""Kubernetes objects of the edge: a volume that empties itself into Blob, the recorder and the transfer."""

from typing import Any

import yaml

from .edge import Edge

VOLUME, SUBVOLUME, CONFIG = "recordings", "ingest", "recording-config"
FOLDER = "/var/lib/physai"
ACSA = "arccontainerstorage.azure.net/v1"

type Manifest = dict[str, Any]


def storage(edge: Edge) -> list[Manifest]:
    """A cloud-backed edge volume, and the part of it that is uploaded and then evicted.

    Source: Microsoft, "Configure Cloud Ingest subvolumes", Azure Container Storage enabled by Azure Arc.
    """
    claim = {
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": f"{edge.volume_gi}Gi"}},
        "storageClassName": "cloud-backed-sc",
    }
    ingest = {
        "edgevolume": VOLUME,
        "path": SUBVOLUME,
        "authentication": {"authType": "MANAGED_IDENTITY"},
        "storageAccountEndpoint": f"https://{edge.storage_account}.blob.core.windows.net/",
        "containerName": edge.container,
        "ingest": {"order": "oldest-first", "minDelaySec": 60},
        "eviction": {"order": "unordered", "minDelaySec": 120},
        "onDelete": "trigger-immediate-ingest",
    }
    return [
        _object("v1", "PersistentVolumeClaim", VOLUME, edge, claim),
        _object(ACSA, "IngestSubvolume", SUBVOLUME, edge, ingest),
    ]


def workloads(edge: Edge) -> list[Manifest]:
    """The recorder, which hears the robot on the host's network, and the transfer, each with the least it needs."""
    recorder = [
        "data-pipeline",
        "capture",
        "record",
        "--config",
        f"/etc/physai/{CONFIG}.yaml",
        "--output",
        f"{FOLDER}/raw",
    ]
    transfer = ["data-pipeline", "transfer", "run", FOLDER, "--target", edge.target, "--keep-h", "24"]
    schedule = {
        "schedule": "*/5 * * * *",
        "concurrencyPolicy": "Forbid",
        "jobTemplate": {"spec": {"backoffLimit": 0, "template": {"spec": _pod(edge, "transfer", transfer, "Never")}}},
    }
    deployment = {
        "replicas": 1,
        "strategy": {"type": "Recreate"},
        "selector": {"matchLabels": {"app": "recorder"}},
        "template": {
            "metadata": {"labels": {"app": "recorder"}},
            "spec": {**_pod(edge, "recorder", recorder, "Always"), "hostNetwork": True},
        },
    }
    return [
        _object("apps/v1", "Deployment", "recorder", edge, deployment),
        _object("batch/v1", "CronJob", "transfer", edge, schedule),
    ]


def text(manifests: list[Manifest]) -> str:
    """Manifests as one YAML stream."""
    return yaml.safe_dump_all(manifests, sort_keys=False)


def _object(version: str, kind: str, name: str, edge: Edge, spec: dict[str, Any]) -> Manifest:
    metadata = {"name": name, "namespace": edge.namespace, "labels": {"app.kubernetes.io/part-of": "physai"}}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def _pod(edge: Edge, name: str, words: list[str], restart: str) -> dict[str, Any]:
    container = {
        "name": name,
        "image": edge.image,
        "command": ["physai", *words],
        "resources": {"requests": {"cpu": "500m", "memory": "512Mi"}, "limits": {"memory": "2Gi"}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [
            {"name": VOLUME, "mountPath": FOLDER},
            {"name": CONFIG, "mountPath": "/etc/physai", "readOnly": True},
        ],
    }
    return {
        "restartPolicy": restart,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "fsGroup": 10001},
        "containers": [container],
        "volumes": [
            {"name": VOLUME, "hostPath": {"path": FOLDER, "type": "DirectoryOrCreate"}},
            {"name": CONFIG, "configMap": {"name": CONFIG}},
        ],
    }
