"""Who is let in: Container Apps' headers, and OpenID Connect by MSAL against a provider on loopback."""

import base64
import datetime
import hashlib
import ipaddress
import json
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import requests
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse
from starlette.requests import Request as AnyRequest

from physai.data_management.viewer.entra import EntraSignIn
from physai.data_management.viewer.errors import SignInError
from physai.data_management.viewer.identity import ContainerAppsSignIn, LocalSignIn, Role, highest

from .viewer_data import make_dataset, serving

CLIENT, SECRET = "the-client", "the-secret"


def principal(*roles: str, **changes: Any) -> str:
    """The header as Container Apps writes it."""
    claims = [
        {"typ": "preferred_username", "val": "kim@example.org"},
        *({"typ": "roles", "val": role} for role in roles),
    ]
    told = {"auth_typ": "aad", "name_typ": "name", "role_typ": "roles", "claims": claims, **changes}
    return base64.b64encode(json.dumps(told).encode()).decode()


def asked(header: str | None) -> AnyRequest:
    headers = [(b"x-ms-client-principal", header.encode())] if header is not None else []
    return AnyRequest({"type": "http", "headers": headers})


@pytest.mark.parametrize(
    ("roles", "role"),
    [
        (["Dataset.Read"], Role.VIEWER),
        (["Dataset.Read", "Dataset.Annotate"], Role.ANNOTATOR),
        (["Dataset.Administer", "Dataset.Read"], Role.ADMIN),
    ],
)
def test_the_sidecars_claims_name_the_person_and_the_highest_role(
    monkeypatch: pytest.MonkeyPatch, roles: list[str], role: Role
) -> None:
    monkeypatch.setenv("CONTAINER_APP_NAME", "ca-physai-viewer")
    person = ContainerAppsSignIn().who(asked(principal(*roles)))
    assert person is not None
    assert (person.name, person.role) == ("kim@example.org", role)


@pytest.mark.parametrize(
    "header", [None, "", "%%%", base64.b64encode(b"[]").decode(), principal(), principal("Owner"), principal(claims=3)]
)
def test_without_a_role_or_with_a_broken_header_nobody_is_there(
    monkeypatch: pytest.MonkeyPatch, header: str | None
) -> None:
    monkeypatch.setenv("CONTAINER_APP_NAME", "ca-physai-viewer")
    assert ContainerAppsSignIn().who(asked(header)) is None


def test_the_headers_are_believed_in_container_apps_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONTAINER_APP_NAME", raising=False)
    with pytest.raises(SignInError, match="anyone could claim"):
        ContainerAppsSignIn()


def test_each_role_may_what_the_one_before_may() -> None:
    allowed = {role: [needed for needed in Role if role.may(needed)] for role in Role}
    assert [len(needs) for needs in allowed.values()] == [1, 2, 3]
    assert highest(["x", "Dataset.Annotate"]) is Role.ANNOTATOR
    assert LocalSignIn().who(asked(None)).role is Role.ADMIN


class Provider:
    """An OpenID Connect provider that checks what a client must send."""

    def __init__(self) -> None:
        self.url = ""
        self.roles: list[str] = ["Dataset.Annotate"]
        self.codes: dict[str, dict[str, str]] = {}
        self.claims: dict[str, Any] = {}

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/tenant/.well-known/openid-configuration")
        def discovery() -> dict[str, str]:
            base = f"{self.url}/tenant"
            return {"issuer": base, "authorization_endpoint": f"{base}/authorize", "token_endpoint": f"{base}/token"}

        @app.get("/tenant/authorize")
        def authorize(request: Request) -> RedirectResponse:
            sent = dict(request.query_params)
            assert (sent["client_id"], sent["response_type"], sent["code_challenge_method"]) == (CLIENT, "code", "S256")
            code = f"code-{len(self.codes)}"
            self.codes[code] = sent
            return RedirectResponse(f"{sent['redirect_uri']}?code={code}&state={sent['state']}")

        @app.post("/tenant/token")
        async def token(request: Request) -> dict[str, Any]:
            form = {key: values[0] for key, values in parse_qs((await request.body()).decode()).items()}
            sent = self.codes.pop(form["code"])
            proof = (
                base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
            )
            assert (form["client_secret"], proof) == (SECRET, sent["code_challenge"])
            now = int(time.time())
            claims = {"iss": f"{self.url}/tenant", "aud": CLIENT, "sub": "1", "iat": now, "exp": now + 600}
            claims |= {
                "nonce": sent["nonce"],
                "roles": self.roles,
                "preferred_username": "kim@example.org",
                **self.claims,
            }
            body = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
            return {"access_token": "a", "token_type": "Bearer", "expires_in": 600, "id_token": f"e30.{body}.c2ln"}

        return app


def certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(
            name, name, key.public_key(), x509.random_serial_number(), now, now + datetime.timedelta(1)
        )
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (folder / "key.pem").write_bytes(private)
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[tuple[Provider, Path]]:
    """A provider over TLS on loopback, and the certificate to trust."""
    made, (cert, key) = Provider(), certificate(tmp_path)
    config = uvicorn.Config(
        made.app(), host="127.0.0.1", port=0, ssl_certfile=cert, ssl_keyfile=key, log_level="critical", lifespan="off"
    )
    server, socket = uvicorn.Server(config), config.bind_socket()
    made.url = f"https://127.0.0.1:{socket.getsockname()[1]}"
    thread = threading.Thread(target=server.run, args=([socket],))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield made, cert
    server.should_exit = True
    thread.join()


@pytest.fixture
def visit(provider: tuple[Provider, Path], tmp_path: Path) -> Iterator[tuple[Provider, httpx.Client]]:
    """A browser at a viewer that asks the provider."""
    made, cert = provider
    make_dataset(tmp_path / "data/cube", 1, cameras=())
    with requests.Session() as session:
        session.verify, session.trust_env = str(cert), False
        sign_in = EntraSignIn(
            "tenant", CLIENT, SECRET, url="http://127.0.0.1", authority=f"{made.url}/tenant", http=session
        )
        context = ssl.create_default_context(cafile=str(cert))
        with serving(str(tmp_path / "data"), sign_in=sign_in) as served, httpx.Client(verify=context) as client:
            sign_in.url = served.url
            client.base_url = served.url
            yield made, client


def test_a_person_signs_in_by_openid_connect_and_out_again(visit: tuple[Provider, httpx.Client]) -> None:
    _, client = visit
    page = {"Accept": "text/html"}
    assert client.get("/api/datasets").status_code == 401
    first = client.get("/", headers=page)
    assert (first.status_code, first.headers["location"]) == (303, "/sign-in")
    done = client.get("/", headers=page, follow_redirects=True)
    assert (done.status_code, "kim@example.org" in done.text, "annotator" in done.text) == (200, True, True)
    cookie = next(cookie for cookie in client.cookies.jar if cookie.name == "physai-viewer")
    assert cookie.has_nonstandard_attr("httponly") or cookie.has_nonstandard_attr("HttpOnly")
    assert client.post("/api/runs", json={}).status_code == 403
    client.post("/sign-out")
    assert client.get("/api/datasets").status_code == 401


def test_who_has_no_role_is_told_so_and_not_let_in(visit: tuple[Provider, httpx.Client]) -> None:
    made, client = visit
    made.roles = ["Something.Else"]
    said = client.get("/sign-in", follow_redirects=True, headers={"Accept": "text/html"})
    assert (said.status_code, "no role in this application" in said.text) == (401, True)
    assert client.get("/api/datasets").status_code == 401


@pytest.mark.parametrize("claims", [{"nonce": "other"}, {"aud": "other"}, {"iss": "https://other"}, {"exp": 1}])
def test_a_token_for_someone_else_or_too_old_lets_nobody_in(
    visit: tuple[Provider, httpx.Client], claims: dict[str, Any]
) -> None:
    made, client = visit
    made.claims = claims
    assert client.get("/sign-in", follow_redirects=True).status_code == 401
    assert client.get("/api/datasets").status_code == 401


def test_an_answer_that_was_not_asked_for_lets_nobody_in(visit: tuple[Provider, httpx.Client]) -> None:
    _, client = visit
    assert client.get("/signed-in?code=stolen&state=guessed").status_code == 401
    client.get("/sign-in")
    assert client.get("/signed-in?code=stolen&state=guessed").status_code == 401
    forged = base64.b64encode(json.dumps({"person": {"name": "x", "role": "admin", "until": 9e9}}).encode()).decode()
    assert httpx.get(f"{client.base_url}/api/datasets", cookies={"physai-viewer": f"{forged}.x.y"}).status_code == 401


def test_sign_in_goes_to_the_providers_own_page(visit: tuple[Provider, httpx.Client]) -> None:
    made, client = visit
    sent = client.get("/sign-in").headers["location"]
    assert sent.startswith(f"{made.url}/tenant/authorize?")
    assert parse_qs(urlsplit(sent).query)["redirect_uri"] == [
        f"{client.base_url}/signed-in".replace("//signed", "/signed")
    ]
