"""What a cluster of the fleet is told: where the repository is, which cohorts to apply, whom to tell, what to admit.

clusters/<cluster>/source.yaml        Flux reads the repository
clusters/<cluster>/<cohort>.yaml      Flux applies the release in force in a cohort
clusters/<cluster>/notification.yaml  Flux tells a webhook how that went
clusters/<cluster>/images.yaml        Flux moves the loader's own image forward, by commit
clusters/<cluster>/admission.yaml     Kyverno admits only images that a trusted key has signed, and releases by digest
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field

from physai.infrastructure.contracts import Contract, FleetPolicy

from ..names import check_name

NAMESPACE = "flux-system"
DIGEST = "sha256:????????????????????????????????????????????????????????????????"  # Kyverno: any 64

type Manifest = dict[str, Any]


class Cluster(Contract):
    """What is to be known of a cluster."""

    name: str
    repository: str
    """URL of the fleet's repository, as the cluster reaches it."""
    cohorts: tuple[str, ...] = Field(min_length=1)
    image: str | None = None
    """Repository of the loader's container image, e.g. `fleet.azurecr.io/physai`; None to leave it alone."""
    webhook: str | None = None
    """Where to tell of failures; None for nowhere."""


def manifests(cluster: Cluster, policy: FleetPolicy) -> Mapping[str, list[Manifest]]:
    """File name → its documents."""
    files = {"source.yaml": [_source(cluster)]}
    files |= {f"{check_name('cohort', cohort)}.yaml": [_cohort(cohort)] for cohort in cluster.cohorts}
    if cluster.webhook:
        files["notification.yaml"] = _notification(cluster.webhook, cluster.cohorts)
    if cluster.image:
        files["images.yaml"] = _images(cluster)
    files["admission.yaml"] = _admission(cluster, policy)
    resources: Manifest = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    files["kustomization.yaml"] = [resources | {"resources": sorted(files)}]
    return files


def write_cluster(tree: Path, cluster: Cluster, policy: FleetPolicy) -> Path:
    """Write a cluster's folder."""
    folder = tree / "clusters" / check_name("cluster", cluster.name)
    folder.mkdir(parents=True, exist_ok=True)
    for name, documents in manifests(cluster, policy).items():
        (folder / name).write_text(yaml.safe_dump_all(documents, sort_keys=False))
    return folder


def _object(api: str, kind: str, name: str, spec: Manifest, namespace: str | None = NAMESPACE) -> Manifest:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec}


def _source(cluster: Cluster) -> Manifest:
    spec = {"interval": "1m", "url": cluster.repository, "ref": {"branch": "main"}, "timeout": "60s"}
    return _object("source.toolkit.fluxcd.io/v1", "GitRepository", "fleet", spec)


def _cohort(cohort: str) -> Manifest:
    spec = {
        "interval": "1m",
        "path": f"./policies/{cohort}",
        "prune": True,
        "wait": True,
        "timeout": "2m",
        "targetNamespace": "robots",
        "sourceRef": {"kind": "GitRepository", "name": "fleet"},
    }
    return _object("kustomize.toolkit.fluxcd.io/v1", "Kustomization", f"policy-{cohort}", spec)


def _notification(webhook: str, cohorts: Sequence[str]) -> list[Manifest]:
    api = "notification.toolkit.fluxcd.io/v1beta3"
    sources = [{"kind": "GitRepository", "name": "fleet"}]
    sources += [{"kind": "Kustomization", "name": f"policy-{cohort}"} for cohort in cohorts]
    alert = {"providerRef": {"name": "fleet"}, "eventSeverity": "info", "eventSources": sources}
    return [
        _object(api, "Provider", "fleet", {"type": "generic", "address": webhook}),
        _object(api, "Alert", "fleet", alert),
    ]


def _images(cluster: Cluster) -> list[Manifest]:
    api = "image.toolkit.fluxcd.io/v1beta2"
    author = {"name": "physai fleet-deployment", "email": "fleet-deployment@localhost"}
    automation = {
        "interval": "30m",
        "sourceRef": {"kind": "GitRepository", "name": "fleet"},
        "git": {
            "checkout": {"ref": {"branch": "main"}},
            "commit": {"author": author, "messageTemplate": "Move the loader's image forward"},
            "push": {"branch": "images"},
        },
        "update": {"path": f"./clusters/{cluster.name}", "strategy": "Setters"},
    }
    policy = {"imageRepositoryRef": {"name": "loader"}, "policy": {"semver": {"range": ">=1.0.0"}}}
    return [
        _object(api, "ImageRepository", "loader", {"image": cluster.image, "interval": "30m"}),
        _object(api, "ImagePolicy", "loader", policy),
        _object(api, "ImageUpdateAutomation", "loader", automation),
    ]


def _admission(cluster: Cluster, policy: FleetPolicy) -> list[Manifest]:
    by_digest = {
        "name": "release-names-its-package-by-digest",
        "match": {"any": [{"resources": {"kinds": ["ConfigMap"], "names": ["policy-release"]}}]},
        "validate": {
            "message": "A policy release names its package by digest in physai.dev/package.",
            "pattern": {"metadata": {"annotations": {"physai.dev/package": DIGEST}}},
        },
    }
    rules: list[Manifest] = [by_digest]
    if cluster.image and policy.trusted_keys:
        rules.append(_signed(cluster.image, policy))
    spec = {"validationFailureAction": "Enforce", "background": False, "rules": rules}
    return [_object("kyverno.io/v1", "ClusterPolicy", "physai-fleet", spec, namespace=None)]


def _signed(image: str, policy: FleetPolicy) -> Manifest:
    """Images of the loader are signed by a trusted key; Kyverno reads cosign's signatures, as we write them."""
    keys = [
        {"keys": {"publicKeys": pem, "rekor": {"ignoreTlog": True}, "ctlog": {"ignoreSCT": True}}}
        for pem in policy.trusted_keys.values()
    ]
    verify = {
        "imageReferences": [f"{image}*"],
        "mutateDigest": True,
        "required": True,
        "attestors": [{"count": 1, "entries": keys}],
    }
    match = {"any": [{"resources": {"kinds": ["Pod"]}}]}
    return {"name": "images-are-signed", "match": match, "verifyImages": [verify]}
