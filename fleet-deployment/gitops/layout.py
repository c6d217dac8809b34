"""What a cluster of the fleet is told: where the repository is, which cohorts to apply, whom to tell, what to admit.

clusters/<cluster>/source.yaml        Flux reads the repository, from Git or as an OCI artifact
clusters/<cluster>/<cohort>.yaml      Flux applies the release in force in a cohort; the runtimes of its robots
clusters/<cluster>/notification.yaml  Flux tells a webhook how that went
clusters/<cluster>/images.yaml        Flux moves the runtime's image forward, by commit
clusters/<cluster>/admission.yaml     only images that a trusted key has signed, and releases by digest
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from physai.infrastructure.contracts import FleetPolicy
from physai.infrastructure.plain_yaml import PlainDumper

from ..names import check_name
from .admission import admission
from .cluster import Cluster, namespace_of
from .objects import Manifest, kubernetes_object
from .workloads import FIRST_TAG, images, marked, runtime, tag_in


def manifests(cluster: Cluster, policy: FleetPolicy, tag: str = FIRST_TAG) -> Mapping[str, list[Manifest]]:
    """File name → its documents.

    Args:
        cluster: What is to be known of it.
        policy: Of the fleet.
        tag: Of the runtime's image.
    """
    files = {"source.yaml": [_source(cluster, policy)]}
    for cohort, robots in cluster.cohorts.items():
        runtimes = [runtime(cluster, cohort, robot, tag) for robot in robots if cluster.image]
        files[f"{check_name('cohort', cohort)}.yaml"] = [*_cohort(cluster, cohort), *runtimes]
    if cluster.webhook:
        files["notification.yaml"] = _notification(cluster, cluster.webhook, tuple(cluster.cohorts))
    if cluster.image and cluster.source == "GitRepository":  # an OCI artifact takes no commits
        files["images.yaml"] = images(cluster)
    files["admission.yaml"] = admission(cluster, policy)
    resources: Manifest = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    files["kustomization.yaml"] = [resources | {"resources": sorted(files)}]
    return files


def write_cluster(tree: Path, cluster: Cluster, policy: FleetPolicy) -> Path:
    """Write a cluster's folder; the tag of its image stays."""
    folder = tree / "clusters" / check_name("cluster", cluster.name)
    folder.mkdir(parents=True, exist_ok=True)
    tag = tag_in(folder, cluster.image)
    for name, documents in manifests(cluster, policy, tag).items():
        (folder / name).write_text(marked(yaml.dump_all(documents, Dumper=PlainDumper, sort_keys=False), cluster.image))
    return folder


def _source(cluster: Cluster, policy: FleetPolicy) -> Manifest:
    spec: Manifest = {"interval": "1m", "url": cluster.repository, "timeout": "60s"}
    if cluster.source == "GitRepository":
        return kubernetes_object(
            "source.toolkit.fluxcd.io/v1", "GitRepository", "fleet", spec | {"ref": {"branch": "main"}}
        )
    if policy.require_signature:  # the Secret holds the fleet's public keys as *.pub
        spec["verify"] = {"provider": "cosign", "secretRef": {"name": "cosign-keys"}}
    return kubernetes_object(
        "source.toolkit.fluxcd.io/v1beta2", "OCIRepository", "fleet", spec | {"ref": {"tag": "main"}}
    )


def _cohort(cluster: Cluster, cohort: str) -> list[Manifest]:
    spec = {
        "interval": "1m",
        "path": f"./policies/{cohort}",
        "prune": True,
        "wait": True,
        "timeout": "2m",
        "targetNamespace": namespace_of(cohort),
        "sourceRef": {"kind": cluster.source, "name": "fleet"},
    }
    labels = (
        {"policy.sigstore.dev/include": "true"} if cluster.verifier == "sigstore" else {"physai.dev/cohort": cohort}
    )
    return [
        kubernetes_object("v1", "Namespace", namespace_of(cohort), None, namespace=None, labels=labels),
        kubernetes_object("kustomize.toolkit.fluxcd.io/v1", "Kustomization", f"policy-{cohort}", spec),
    ]


def _notification(cluster: Cluster, webhook: str, cohorts: Sequence[str]) -> list[Manifest]:
    api = "notification.toolkit.fluxcd.io/v1beta3"
    sources = [{"kind": cluster.source, "name": "fleet"}]
    sources += [{"kind": "Kustomization", "name": f"policy-{cohort}"} for cohort in cohorts]
    alert = {"providerRef": {"name": "fleet"}, "eventSeverity": "info", "eventSources": sources}
    return [
        kubernetes_object(api, "Provider", "fleet", {"type": "generic", "address": webhook}),
        kubernetes_object(api, "Alert", "fleet", alert),
    ]
