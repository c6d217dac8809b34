"""A secret from Key Vault, as a step of a job reads its credentials: with the identity of the job, when it starts.

Source: https://learn.microsoft.com/rest/api/keyvault/secrets/get-secret.
"""

from typing import Any

import httpx

from ...errors import one_line
from .errors import SecretError

API_VERSION = "7.4"
SCOPE = "https://vault.azure.net/.default"
TIMEOUT_S = 30.0


def read_secret(name: str, vault: str, credential: Any | None = None) -> str:
    """The value of a secret.

    Args:
        name: Letters, digits and dashes.
        vault: `https://NAME.vault.azure.net`.
        credential: Of azure-identity; default: what this machine has, a managed identity inside a job.

    Raises:
        SecretError: If it is not there, or may not be read.
    """
    from azure.core.exceptions import ClientAuthenticationError

    try:
        token = (credential or _default()).get_token(SCOPE).token
        url = f"{vault.rstrip('/')}/secrets/{name}"
        headers = {"Authorization": f"Bearer {token}"}
        answer = httpx.get(url, params={"api-version": API_VERSION}, headers=headers, timeout=TIMEOUT_S)
        answer.raise_for_status()
        return str(answer.json()["value"])
    except httpx.HTTPStatusError as error:
        raise SecretError(name, vault, f"{error.response.status_code} {error.response.reason_phrase}") from error
    except (httpx.HTTPError, ClientAuthenticationError, ValueError, KeyError) as error:
        raise SecretError(name, vault, one_line(error, 200)) from error


def _default() -> Any:
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential()
