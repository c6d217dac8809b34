"""Who we are to a registry: as `docker login`, `az acr login` or `oras login` has left it.

Source: docs.docker.com/reference/cli/docker/login, "Configuration file" and "Credential helper protocol".
"""

import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

from .errors import RegistryError

IDENTITY = "<token>"
"""The name that Docker gives to a secret which is a refresh token, not a password."""


class Credentials(NamedTuple):
    """A name and its secret."""

    username: str
    password: str


def docker_config() -> Path:
    """Docker's configuration file."""
    folder = os.environ.get("DOCKER_CONFIG")
    return (Path(folder) if folder else Path.home() / ".docker") / "config.json"


def find_credentials(host: str, config: Path | None = None) -> Credentials | None:
    """What to log in to a host with, or None for an anonymous visit.

    Raises:
        RegistryError: If the configuration is broken.
    """
    path = config or docker_config()
    try:
        content = json.loads(path.read_bytes())
        helper = content.get("credHelpers", {}).get(host) or content.get("credsStore")
        entry: dict[str, Any] = content.get("auths", {}).get(host, {})
        if entry.get("identitytoken"):
            return Credentials(IDENTITY, entry["identitytoken"])
        if entry.get("auth"):
            username, _, password = base64.b64decode(entry["auth"], validate=True).decode().partition(":")
            return Credentials(username, password)
    except FileNotFoundError:
        return None
    except (ValueError, AttributeError) as error:
        raise RegistryError(f"{path}: not Docker's configuration ({error}). Run `docker login {host}`.") from error
    return _ask_helper(helper, host) if helper else None


def _ask_helper(helper: str, host: str) -> Credentials | None:
    """Ask a credential helper; it fails for a host that it does not know."""
    try:
        answer = subprocess.run([f"docker-credential-{helper}", "get"], input=host, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise RegistryError(f"docker-credential-{helper}: not found. Install it, or log in to {host} again.") from error
    if answer.returncode:
        return None
    try:
        secret = json.loads(answer.stdout)
        return Credentials(secret["Username"], secret["Secret"])
    except (ValueError, KeyError, TypeError) as error:
        raise RegistryError(f"docker-credential-{helper}: its answer is no login. Log in to {host} again.") from error
