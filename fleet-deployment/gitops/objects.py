"""Kubernetes objects as plain data."""

from typing import Any

NAMESPACE = "flux-system"

type Manifest = dict[str, Any]


def kubernetes_object(
    api: str, kind: str, name: str, spec: Manifest | None, namespace: str | None = NAMESPACE, **metadata: Any
) -> Manifest:
    """An object with its spec; cluster-wide without a namespace."""
    where = {"namespace": namespace} if namespace else {}
    head = {"apiVersion": api, "kind": kind, "metadata": {"name": name, **where, **metadata}}
    return head | ({"spec": spec} if spec is not None else {})
