"""Locations on storage as AzureML names them: a datastore for each container."""

import re
from urllib.parse import urlsplit

from pydantic import Field

from ...contracts import Contract

WORKFLOW_ID = "{{workflow_id}}"
RUN_NAME = "${{name}}"
"""AzureML's name of the job that writes; a step's own, not that of the pipeline."""


class Datastore(Contract):
    """A container of a storage account, under a name that AzureML takes."""

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    account: str
    container: str


class LocationError(ValueError):
    """A location that a job on AzureML cannot reach."""


def locate(url: str) -> tuple[Datastore, str]:
    """Datastore and path of a location.

    `azure://account/container/a` → datastore `container`, `azureml://datastores/container/paths/a`.

    Raises:
        LocationError: If AzureML cannot reach it.
    """
    parts = urlsplit(url)
    if parts.scheme == "azure":
        account, path = parts.netloc, parts.path
    elif parts.scheme == "https" and parts.netloc.endswith(".blob.core.windows.net"):
        account, path = parts.netloc.partition(".")[0], parts.path
    else:
        raise LocationError(_mend(parts.scheme, url))
    container, _, rest = path.strip("/").partition("/")
    if not container:
        raise LocationError(f"{url} names no container. Write azure://account/container/path.")
    store = Datastore(name=re.sub(r"[^a-z0-9_]", "_", container), account=account, container=container)
    return store, f"azureml://datastores/{store.name}/paths/{rest.replace(WORKFLOW_ID, RUN_NAME)}"


def _mend(scheme: str, url: str) -> str:
    if scheme == "file":
        return f"{url} is a folder of one machine. Write azure://account/container/path, so that the job reaches it."
    if scheme in ("s3", "gs"):
        return f"{url}: a job on AzureML writes to Azure Storage only. Write azure://account/container/path."
    return f"{url} is no location. Write azure://account/container/path."
