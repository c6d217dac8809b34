"""Under which name an AzureML registry, which Foundry's catalogue shows, has a package: one version per digest.

Source: learn.microsoft.com/azure/machine-learning, "Share models with registries".
"""

from ..contracts import Digest


def model_version(digest: Digest) -> str:
    """Version of a package in a registry."""
    return digest.removeprefix("sha256:")[:16]


def model_uri(registry: str, name: str, digest: Digest) -> str:
    """A package of that name as jobs and deployments ask for it."""
    return f"azureml://registries/{registry}/models/{name}/versions/{model_version(digest)}"
