"""What a cluster admits: releases by digest, and images of the runtime that a trusted key has signed."""

from typing import Any

from physai.infrastructure.contracts import FleetPolicy

from .cluster import Cluster
from .objects import Manifest, kubernetes_object

DIGEST = "sha256:????????????????????????????????????????????????????????????????"  # Kyverno: any 64


def admission(cluster: Cluster, policy: FleetPolicy) -> list[Manifest]:
    """Kyverno's policy, and sigstore's where that controller is the one to read signatures."""
    rules: list[Manifest] = [_by_digest()]
    signed = cluster.image is not None and bool(policy.trusted_keys)
    if signed and cluster.verifier == "kyverno":
        rules.append(_signed(cluster, policy))
    spec = {"validationFailureAction": "Enforce", "background": False, "rules": rules}
    found = [kubernetes_object("kyverno.io/v1", "ClusterPolicy", "physai-fleet", spec, namespace=None)]
    if signed and cluster.verifier == "sigstore":
        found.append(_image_policy(cluster, policy))
    return found


def _by_digest() -> Manifest:
    return {
        "name": "release-names-its-package-by-digest",
        "match": {"any": [{"resources": {"kinds": ["ConfigMap"], "names": ["policy-release"]}}]},
        "validate": {
            "message": "A policy release names its package by digest in physai.dev/package.",
            "pattern": {"metadata": {"annotations": {"physai.dev/package": DIGEST}}},
        },
    }


def _signed(cluster: Cluster, policy: FleetPolicy) -> Manifest:
    """Kyverno reads cosign's signatures, as we write them."""
    keys = [
        {"keys": {"publicKeys": pem, "rekor": {"ignoreTlog": True}, "ctlog": {"ignoreSCT": True}}}
        for pem in policy.trusted_keys.values()
    ]
    verify: dict[str, Any] = {
        "imageReferences": [f"{cluster.image}*"],
        "mutateDigest": True,
        "required": True,
        "attestors": [{"count": 1, "entries": keys}],
    }
    match = {"any": [{"resources": {"kinds": ["Pod"]}}]}
    return {"name": "images-are-signed", "match": match, "verifyImages": [verify]}


def _image_policy(cluster: Cluster, policy: FleetPolicy) -> Manifest:
    """One of the keys is enough; without `ctlog` the controller asks no transparency log, so it works off-line."""
    spec = {
        "mode": "enforce",
        "images": [{"glob": f"{cluster.image}*"}],
        "authorities": [
            {"name": name, "key": {"data": pem, "hashAlgorithm": "sha256"}} for name, pem in policy.trusted_keys.items()
        ],
    }
    return kubernetes_object("policy.sigstore.dev/v1beta1", "ClusterImagePolicy", "physai-fleet", spec, namespace=None)
