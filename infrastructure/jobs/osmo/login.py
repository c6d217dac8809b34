"""Who we are to OSMO: its own command line's login, or an access token from the environment.

Source: NVIDIA/OSMO src/lib/utils/login.py and client.py. `osmo login` leaves `login.yaml` with the address and either a
token pair or, for development, a user name. An access token (`OSMO_LOGIN_TOKEN`) is exchanged for a short-lived one.
"""

import base64
import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml

from ...settings import settings
from .errors import NotLoggedInError

EXPIRE_WINDOW_S = 60.0  # a token is renewed this long before its end
TIMEOUT_S = 60.0
EXCHANGE = "api/auth/jwt/access_token"


@dataclass
class Login:
    """An address, and how to show who asks."""

    url: str
    user: str = ""
    """For a development service without authentication."""
    token: str = field(default="", repr=False)
    """Short-lived; renewed when it is about to end."""
    refresh_url: str = ""
    refresh: str = field(default="", repr=False)
    client_id: str = ""
    access_token: bool = False
    """Whether `refresh` is one of OSMO's own access tokens."""

    def headers(self, client: httpx.Client) -> dict[str, str]:
        """Headers of one request; a token that is about to end is renewed first.

        Raises:
            NotLoggedInError: If it cannot be renewed.
        """
        if self.user:
            return {"x-osmo-user": self.user}
        if _expires(self.token) - EXPIRE_WINDOW_S < time.time():
            self._renew(client)
        return {"Authorization": f"Bearer {self.token}"}

    def _renew(self, client: httpx.Client) -> None:
        if not self.refresh or not self.refresh_url:
            raise NotLoggedInError(self.url, "the login has expired")
        try:
            if self.access_token:
                answer = client.post(self.refresh_url, json={"token": self.refresh}, timeout=TIMEOUT_S)
            else:
                form = {"grant_type": "refresh_token", "refresh_token": self.refresh, "client_id": self.client_id}
                answer = client.post(self.refresh_url, data=form, timeout=TIMEOUT_S)
            answer.raise_for_status()
            body = answer.json()
            self.token = body["token" if self.access_token else "id_token"]
            self.refresh = self.refresh if self.access_token else body.get("refresh_token", self.refresh)
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise NotLoggedInError(self.url, f"the login could not be renewed ({error})") from error


def find_login() -> Login:
    """The login of this user.

    Raises:
        NotLoggedInError: If there is none.
    """
    url = (settings().osmo_url or "").rstrip("/")
    if token := os.environ.get("OSMO_LOGIN_TOKEN"):
        if not url:
            raise NotLoggedInError("OSMO_LOGIN_TOKEN", "the address of the service is not known")
        return Login(url, refresh=token, refresh_url=f"{url}/{EXCHANGE}", access_token=True)
    path = _folder() / "login.yaml"
    try:
        stored = yaml.safe_load(path.read_text())
        return _stored(stored, url or stored["url"].rstrip("/"))
    except FileNotFoundError:
        raise NotLoggedInError(str(path), "nobody has logged in") from None
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise NotLoggedInError(str(path), f"not a login of OSMO ({error!r:.80})") from error


def _stored(stored: dict[str, Any], url: str) -> Login:
    if dev := stored.get("dev_login"):
        return Login(url, user=dev["username"])
    token = stored["token_login"]
    return Login(
        url,
        token=token["id_token"],
        refresh=token.get("refresh_token") or "",
        refresh_url=token.get("refresh_url") or "",
        client_id=token.get("client_id") or "",
        access_token=bool(stored.get("osmo_token")),
    )


def _folder() -> Path:
    """Source: NVIDIA/OSMO src/lib/utils/client_configs.py."""
    if override := os.environ.get("OSMO_CONFIG_FILE_DIR"):
        return Path(override)
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "osmo"


def _expires(token: str) -> float:
    """When a JSON web token ends, in seconds since 1970; 0 if it does not say."""
    try:
        payload = token.split(".")[1]
        return float(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["exp"])
    except (IndexError, ValueError, KeyError, TypeError):
        return 0.0
