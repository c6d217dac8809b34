"""Who we are to a storage account."""

import logging
import os
from functools import cache
from typing import Any

from azure.core.credentials import TokenCredential
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import DefaultAzureCredential
from azure.storage.blob import ContainerClient, ExponentialRetry

from ..request_ids import keep_no_files
from .errors import AccessError, BadUriError
from .uri import BlobLocation

CONNECTION_STRING = "AZURE_STORAGE_CONNECTION_STRING"
"""Azure's own variable; used for the account it names. Its `BlobEndpoint` may lead to Azurite."""
logging.getLogger("azure").addHandler(logging.NullHandler())  # it says on stderr what our errors say in one line
SCOPE = "https://storage.azure.com/.default"


def container_client(location: BlobLocation, retries: int = 3) -> ContainerClient:
    """The container of a location, with the nearest credential: SAS in the URI, connection string, Azure identity.

    Raises:
        AccessError: If there is no credential at all; asked at once, since the SDK would ask many times over.
    """
    keep_no_files()
    options: dict[str, Any] = {
        "retry_policy": ExponentialRetry(initial_backoff=1, increment_base=2, retry_total=retries),
        "connection_timeout": 10,
        "logging_enable": False,
    }
    connection = os.environ.get(CONNECTION_STRING, "")
    if location.sas:
        return ContainerClient(location.endpoint, location.container, credential=location.sas, **options)
    if connection and connection_account(connection) == location.account:
        return ContainerClient.from_connection_string(connection, location.container, **options)
    try:
        azure_identity().get_token(SCOPE)
    except ClientAuthenticationError as error:
        raise AccessError(location.uri, "no Azure credential was found on this machine") from error
    return ContainerClient(location.endpoint, location.container, credential=azure_identity(), **options)


@cache
def azure_identity() -> TokenCredential:
    """Whatever identity this machine has: environment, workload identity, managed identity, `az login`."""
    return DefaultAzureCredential()


def connection_account(connection: str) -> str:
    """The account a connection string is for.

    Raises:
        BadUriError: If it is no connection string.
    """
    pairs = dict(pair.split("=", 1) for pair in connection.split(";") if "=" in pair)
    fields = {name.lower(): value for name, value in pairs.items()}
    if account := fields.get("accountname"):
        return account
    if endpoint := fields.get("blobendpoint"):
        return endpoint.partition("://")[2].partition(".")[0]
    raise BadUriError(
        f"${CONNECTION_STRING}", "no connection string: it lacks AccountName and BlobEndpoint; copy it again"
    )
