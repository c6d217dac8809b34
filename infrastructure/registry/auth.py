"""How a registry is told who we are: a bearer token from the service that it names, or basic authentication.

Source: distribution.github.io/distribution/spec/auth/token, "Token Authentication Specification", and its neighbour
oauth, "Getting a token", for what `az acr login` leaves.
"""

import base64
import re
from collections.abc import Generator
from typing import override

import httpx

from .credentials import IDENTITY, Credentials, find_credentials
from .errors import UnreachableError

CLIENT = "physai"
PARAMETER = re.compile(r'(\w+)="([^"]*)"')


class RegistryAuth(httpx.Auth):
    """Answers a registry's challenge, and remembers the answer for the requests that follow."""

    def __init__(self, host: str) -> None:
        self.host = host
        self._header: str | None = None

    @override
    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if self._header:
            request.headers["Authorization"] = self._header
        response = yield request
        if response.status_code != httpx.codes.UNAUTHORIZED:
            return
        credentials = find_credentials(self.host)
        kind, _, rest = response.headers.get("WWW-Authenticate", "").partition(" ")
        challenge = dict(PARAMETER.findall(rest))
        if kind.lower() == "bearer" and "realm" in challenge:
            _refuse_plain(request, challenge["realm"])
            answer = yield _token_request(challenge, credentials)
            answer.read()
            self._header = f"Bearer {_token(answer)}" if answer.is_success else None
        elif kind.lower() == "basic" and credentials and credentials.username != IDENTITY:
            self._header = _basic(credentials)
        if self._header:
            request.headers["Authorization"] = self._header
            yield request


def _refuse_plain(request: httpx.Request, realm: str) -> None:
    """A login goes over TLS, unless the registry itself is a loopback host that is spoken to without."""
    if request.url.scheme == "https" and not realm.lower().startswith("https://"):
        why = f"asks for the login at {realm}, which is not https"
        raise UnreachableError(request.url.host, why, "Ask who runs it for a token service behind TLS")


def _token_request(challenge: dict[str, str], credentials: Credentials | None) -> httpx.Request:
    query = {name: value for name, value in challenge.items() if name in {"service", "scope"}}
    if credentials and credentials.username == IDENTITY:
        form = {"grant_type": "refresh_token", "client_id": CLIENT, "refresh_token": credentials.password, **query}
        return httpx.Request("POST", challenge["realm"], data=form)
    headers = {"Authorization": _basic(credentials)} if credentials else {}
    return httpx.Request("GET", challenge["realm"], params=query, headers=headers)


def _token(answer: httpx.Response) -> str:
    try:
        body = answer.json()
        return str(body.get("token") or body["access_token"])
    except (ValueError, KeyError, AttributeError) as error:
        raise UnreachableError(str(answer.url.copy_with(query=None)), "its answer is no token") from error


def _basic(credentials: Credentials) -> str:
    return f"Basic {base64.b64encode(':'.join(credentials).encode()).decode()}"
