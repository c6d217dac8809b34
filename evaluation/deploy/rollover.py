"""Blue/green on an AzureML endpoint: a package gets traffic when its own deployment has given its golden answers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from physai.infrastructure.contracts import Contract
from physai.infrastructure.jobs.azureml.check import quiet
from physai.infrastructure.jobs.azureml.errors import RefusedError
from physai.infrastructure.storage import Store

from .azureml import DEPLOYMENT_FILE, ENDPOINT_FILE, MODEL_FILE, AzureMLTarget, check_files, laid_out
from .prove import Proof, prove

PINNED = "azureml-model-deployment"
"""Header that asks for one deployment whatever the traffic. Source: learn.microsoft.com, "Safe rollout"."""


class Rollover(Contract):
    """What became of an endpoint."""

    endpoint: str
    deployment: str
    made: bool
    """False: it was there already, from an earlier attempt or rollout."""
    proof: Proof
    traffic: dict[str, int]
    """Per cent of each deployment, from now on."""
    standing_by: tuple[str, ...]
    """Deployments without traffic: the way back, which costs money until it is deleted."""


def roll_over(
    wanted: AzureMLTarget,
    folder: Path,
    client: Any,
    store: Store | None,
    tell: Callable[[str], None] = lambda _line: None,
    wait_s: float = 120.0,
) -> Rollover:
    """Make the deployment of a package beside what runs, prove it, and only then give it all traffic.

    A rollover that was cut off is begun again: what is there is used, and proven again.

    Args:
        wanted: Where to.
        folder: Of the definitions.
        client: An `MLClient`.
        store: The folder on storage that `wanted.store` names; None if a registry has the package.
        tell: Told of each step.
        wait_s: How long the model may take to be ready behind the endpoint.

    Raises:
        DeployError: If a definition is refused.
        RefusedError: If AzureML refuses a step; traffic stays as it was.
        WrongPolicyError: If the deployment answers otherwise than the package; traffic stays as it was.
        HostError: If it does not answer; likewise.
    """
    defined, target = check_files(folder), wanted.target
    if store is not None:
        tell(f"laying the package at {wanted.store}/{wanted.prefix}")
        for key, file in laid_out(Path(target.folder), triton=wanted.triton).items():
            store.put(file, f"{wanted.prefix}/{key}")
    with quiet(), _telling(target.endpoint):
        if store is not None:
            _ensure_datastore(client, wanted)
            client.models.create_or_update(defined[MODEL_FILE])
        before = _found(lambda: client.online_endpoints.get(target.endpoint))
        if before is None:
            tell(f"making endpoint {target.endpoint}")
            client.online_endpoints.begin_create_or_update(defined[ENDPOINT_FILE]).result()
        made = _found(lambda: client.online_deployments.get(target.deployment, target.endpoint)) is None
        if made:
            tell(f"making deployment {target.deployment}, without traffic")
            client.online_deployments.begin_create_or_update(defined[DEPLOYMENT_FILE]).result()
        now = client.online_endpoints.get(target.endpoint)
        token = client.online_endpoints.get_keys(target.endpoint).access_token
    tell(f"asking {target.deployment} for the golden answers")
    headers = {"Authorization": f"Bearer {token}", PINNED: target.deployment}
    proof = prove(Path(target.folder), now.scoring_uri.rstrip("/"), target.model, wait_s, headers)
    with quiet(), _telling(target.endpoint):
        tell(f"all traffic to {target.deployment}")
        now.traffic = {target.deployment: 100}
        client.online_endpoints.begin_create_or_update(now).result()
        others = tuple(
            each.name for each in client.online_deployments.list(target.endpoint) if each.name != target.deployment
        )
    return Rollover(
        endpoint=target.endpoint,
        deployment=target.deployment,
        made=made,
        proof=proof,
        traffic={target.deployment: 100},
        standing_by=others,
    )


def _ensure_datastore(client: Any, wanted: AzureMLTarget) -> None:
    from azure.ai.ml.entities import AzureBlobDatastore

    place, _ = wanted.located()
    entity = AzureBlobDatastore(name=place.name, account_name=place.account, container_name=place.container)
    client.datastores.create_or_update(entity)


def _found(ask: Callable[[], Any]) -> Any | None:
    from azure.core.exceptions import ResourceNotFoundError

    try:
        return ask()
    except ResourceNotFoundError:
        return None


@contextmanager
def _telling(endpoint: str) -> Iterator[None]:
    """Tell the SDK's errors in one line."""
    from azure.core.exceptions import AzureError

    try:
        yield
    except AzureError as error:
        raise RefusedError(f"endpoint {endpoint}", error) from error
