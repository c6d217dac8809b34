"""The registry on the network: Docker's own registry, its refusals, and lines that break."""

import base64
import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl

import httpx
import pytest

from physai.infrastructure.contracts import digest_bytes, digest_tree
from physai.infrastructure.registry import (
    RegistryError,
    TamperedError,
    UnknownReferenceError,
    UnreachableError,
    manifest_digest,
    open_registry,
)
from physai.infrastructure.registry.credentials import Credentials, find_credentials
from physai.infrastructure.registry.remote import OciRegistry
from physai.infrastructure.tests.registry_packages import make_package
from physai.infrastructure.tests.registry_server import SERVER, SKOPEO, serving

USER, PASSWORD = "robot", "secret"
HASH = "$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a"  # bcrypt of PASSWORD

with_server = pytest.mark.skipif(SERVER is None, reason="docker-registry is not installed")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_package(tmp_path_factory.mktemp("packages") / "reach")


@pytest.mark.registry
def test_what_is_pushed_is_pulled_by_digest_and_tag(host: str, package: Path, tmp_path: Path) -> None:
    registry = open_registry(f"{host}/policies/trip")
    assert registry.entries() == ()
    digest = registry.push(package, "v1")
    assert digest == manifest_digest(package) == registry.push(package)
    assert registry.tags() == {"v1": digest}
    for reference in (digest, "v1"):
        assert digest_tree(registry.pull(reference, tmp_path / reference)) == digest_tree(package)
    assert registry.show("v1").package.name == "reach"


@pytest.mark.registry
def test_a_package_can_be_pulled_by_digest_without_any_tag(host: str, package: Path, tmp_path: Path) -> None:
    registry = open_registry(f"{host}/policies/untagged")
    digest = registry.push(package)
    assert registry.tags() == {}
    assert digest_tree(registry.pull(digest, tmp_path / "pulled")) == digest_tree(package)


@pytest.mark.registry
def test_an_unknown_tag_names_those_there_are(host: str, package: Path, tmp_path: Path) -> None:
    registry = open_registry(f"{host}/policies/unknown")
    registry.push(package, "v1")
    for reference in ("v2", "sha256:" + "0" * 64):
        with pytest.raises(UnknownReferenceError, match="Known: v1"):
            registry.pull(reference, tmp_path / "pulled")
    assert not (tmp_path / "pulled").exists()


@pytest.mark.registry
@pytest.mark.skipif(SKOPEO is None, reason="skopeo is not installed")
def test_skopeo_sees_the_same_digest(host: str, package: Path) -> None:
    digest = open_registry(f"{host}/policies/skopeo").push(package, "v1")
    assert SKOPEO is not None
    command = [SKOPEO, "inspect", "--raw", "--tls-verify=false", f"docker://{host}/policies/skopeo:v1"]
    assert digest_bytes(subprocess.run(command, capture_output=True, check=True).stdout) == digest


class BreakingTransport(httpx.HTTPTransport):
    """The network, with a line that breaks a few times in the middle of a blob."""

    def __init__(self, breaks: int) -> None:
        super().__init__()
        self.breaks = breaks
        self.ranges: list[str | None] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        if request.method == "GET" and "/blobs/" in request.url.path:
            self.ranges.append(request.headers.get("Range"))
            if self.breaks > 0:
                self.breaks -= 1
                start = b"".join(response.iter_raw())[:100]
                return httpx.Response(response.status_code, headers=response.headers, stream=BrokenStream(start))
        return response


class BrokenStream(httpx.SyncByteStream):
    def __init__(self, start: bytes) -> None:
        self.start = start

    def __iter__(self) -> Iterator[bytes]:
        yield self.start
        raise httpx.ReadError("connection reset")


@pytest.mark.registry
def test_a_download_goes_on_where_the_line_broke(host: str, package: Path, tmp_path: Path) -> None:
    open_registry(f"{host}/policies/breaks").push(package, "v1")
    transport = BreakingTransport(breaks=2)
    registry = OciRegistry(host, "policies/breaks", transport)
    assert digest_tree(registry.pull("v1", tmp_path / "pulled")) == digest_tree(package)
    assert transport.ranges[:3] == [None, "bytes=100-", "bytes=200-"]


@pytest.mark.registry
def test_a_pull_that_was_given_up_is_resumed_by_the_next(host: str, package: Path, tmp_path: Path) -> None:
    open_registry(f"{host}/policies/resume").push(package, "v1")
    with pytest.raises(UnreachableError, match="the download broke off"):
        OciRegistry(host, "policies/resume", BreakingTransport(breaks=4)).pull("v1", tmp_path / "pulled")
    assert not (tmp_path / "pulled").exists()
    transport = BreakingTransport(breaks=0)
    OciRegistry(host, "policies/resume", transport).pull("v1", tmp_path / "pulled")
    assert transport.ranges[0] == "bytes=400-"
    assert manifest_digest(tmp_path / "pulled") == manifest_digest(package)


@with_server
@pytest.mark.registry
def test_a_guarded_registry_lets_in_who_has_logged_in(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "htpasswd").write_text(f"{USER}:{HASH}\n")
    guard = f"auth: {{htpasswd: {{realm: test, path: '{tmp_path / 'htpasswd'}'}}}}\n"
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with serving(tmp_path, guard) as host:
        with pytest.raises(UnreachableError, match=f"HTTP 401. Log in with `docker login {host}`"):
            open_registry(f"{host}/policies").push(package, "v1")
        auth = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        (tmp_path / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}))
        registry = open_registry(f"{host}/policies")
        registry.push(package, "v1")
        assert digest_tree(registry.pull("v1", tmp_path / "pulled")) == digest_tree(package)


@pytest.mark.registry
def test_a_tampering_registry_is_found_out(host: str, package: Path, tmp_path: Path) -> None:
    open_registry(f"{host}/policies/evil").push(package, "v1")

    class Evil(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            response = super().handle_request(request)
            if request.method == "GET" and "/blobs/" in request.url.path:
                content = bytearray(b"".join(response.iter_raw()))
                content[-1] ^= 1
                stream = httpx.ByteStream(bytes(content))
                return httpx.Response(response.status_code, headers=response.headers, stream=stream)
            return response

    with pytest.raises(TamperedError):
        OciRegistry(host, "policies/evil", Evil()).pull("v1", tmp_path / "pulled")
    assert not (tmp_path / "pulled").exists()


def test_a_dead_registry_is_one_line(package: Path) -> None:
    with socket.socket() as probe:  # bound and not listening, so nobody else can answer there
        probe.bind(("127.0.0.1", 0))
        uri = f"127.0.0.1:{probe.getsockname()[1]}/policies"
        with pytest.raises(UnreachableError, match=f"{uri}: no answer") as error:
            open_registry(uri).push(package)
    assert "\n" not in str(error.value)


def test_a_bearer_token_is_fetched_with_our_credentials_and_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    auth = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {"fleet.example": {"auth": auth}}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(f"{request.url.host}{request.url.path} {request.headers.get('Authorization', '-')}")
        if request.url.path == "/oauth2/token":
            assert dict(request.url.params) == {"service": "fleet.example", "scope": "repository:policies:pull"}
            return httpx.Response(200, json={"access_token": "t0ken"})
        if request.headers.get("Authorization") != "Bearer t0ken":
            challenge = (
                'Bearer realm="https://fleet.example/oauth2/token",service="fleet.example",'
                'scope="repository:policies:pull"'
            )
            return httpx.Response(401, headers={"WWW-Authenticate": challenge})
        return httpx.Response(200, json={"tags": []})

    registry = OciRegistry("fleet.example", "policies", httpx.MockTransport(answer))
    assert registry.tags() == {} == registry.tags()
    assert asked == [
        "fleet.example/v2/policies/tags/list -",
        f"fleet.example/oauth2/token Basic {auth}",
        "fleet.example/v2/policies/tags/list Bearer t0ken",
        "fleet.example/v2/policies/tags/list Bearer t0ken",
    ]


def test_a_login_never_leaves_without_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    auth = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {"fleet.example": {"auth": auth}}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(401, headers={"WWW-Authenticate": 'Bearer realm="http://elsewhere.example/token"'})

    with pytest.raises(
        UnreachableError, match=r"^fleet\.example: .*http://elsewhere\.example/token, which is not https"
    ):
        OciRegistry("fleet.example", "policies", httpx.MockTransport(answer)).tags()
    assert asked == ["fleet.example"]


def test_what_az_acr_login_leaves_is_exchanged_for_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    auth = base64.b64encode(b"00000000-0000-0000-0000-000000000000:").decode()
    login = {"auth": auth, "identitytoken": "refr3sh"}
    (tmp_path / "config.json").write_text(json.dumps({"auths": {"fleet.azurecr.io": login}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth2/token":
            form = dict(parse_qsl(request.read().decode()))
            assert "Authorization" not in request.headers
            assert form.pop("client_id")
            assert form == {"grant_type": "refresh_token", "refresh_token": "refr3sh", "service": "fleet.azurecr.io"}
            return httpx.Response(200, json={"access_token": "t0ken"})
        if request.headers.get("Authorization") != "Bearer t0ken":
            challenge = 'Bearer realm="https://fleet.azurecr.io/oauth2/token",service="fleet.azurecr.io"'
            return httpx.Response(401, headers={"WWW-Authenticate": challenge})
        return httpx.Response(200, json={"tags": []})

    assert OciRegistry("fleet.azurecr.io", "policies", httpx.MockTransport(answer)).tags() == {}


@pytest.mark.parametrize("body", ["<h1>hello</h1>", "[]", "{}"])
def test_a_token_service_without_a_token_is_one_line(body: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/token":
            return httpx.Response(200, text=body)
        return httpx.Response(401, headers={"WWW-Authenticate": 'Bearer realm="https://fleet.example/token"'})

    with pytest.raises(UnreachableError, match=r"^https://fleet\.example/token: its answer is no token\."):
        OciRegistry("fleet.example", "policies", httpx.MockTransport(answer)).tags()


def test_tags_are_listed_page_by_page() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/tags/list"):
            if "last" in request.url.params:
                return httpx.Response(200, json={"tags": ["b"]})
            link = '</v2/policies/tags/list?last=a>; rel="next"'
            return httpx.Response(200, json={"tags": ["a"]}, headers={"Link": link})
        return httpx.Response(200, content=request.url.path[-1].encode())

    registry = OciRegistry("fleet.example", "policies", httpx.MockTransport(answer))
    assert registry.tags() == {"a": digest_bytes(b"a"), "b": digest_bytes(b"b")}


@pytest.mark.parametrize("status", [200, 202, 204, 404, 500])
def test_a_web_server_that_is_no_registry_is_one_line(package: Path, tmp_path: Path, status: int) -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(status, html="<h1>hello</h1>"))
    registry = OciRegistry("shop.example", "policies", transport)
    for attempt in (lambda: registry.pull("v1", tmp_path / "pulled"), lambda: registry.push(package), registry.entries):
        if attempt == registry.entries and status == 404:
            assert registry.entries() == ()
            continue
        with pytest.raises(RegistryError) as error:
            attempt()
        assert "\n" not in str(error.value)
    assert not (tmp_path / "pulled").exists()


@pytest.mark.parametrize(
    "uri", ["oci://two words/policies", "fleet.azurecr.io/Policies", "fleet.azurecr.io//x", "a.b/?q"]
)
def test_a_name_that_is_no_repository_is_refused(uri: str) -> None:
    with pytest.raises(RegistryError, match="not the name of a repository"):
        open_registry(uri)


def test_credentials_come_from_a_helper_if_the_configuration_names_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper = tmp_path / "docker-credential-vault"
    helper.write_text(
        '#!/bin/sh\nread host\n[ "$host" = fleet.example ] || exit 1\n'
        'printf \'{"ServerURL": "fleet.example", "Username": "u", "Secret": "s"}\'\n'
    )
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"credsStore": "vault"}))
    assert find_credentials("fleet.example", config) == Credentials("u", "s")
    assert find_credentials("other.example", config) is None
    helper.write_text("#!/bin/sh\necho hello\n")
    with pytest.raises(RegistryError, match="docker-credential-vault: its answer is no login"):
        find_credentials("fleet.example", config)
    config.write_text(json.dumps({"credHelpers": {"fleet.example": "absent"}}))
    with pytest.raises(RegistryError, match="docker-credential-absent: not found"):
        find_credentials("fleet.example", config)


@pytest.mark.parametrize("content", ["oops", "[]", '{"auths": {"fleet.example": {"auth": "%%"}}}'])
def test_a_broken_docker_configuration_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(RegistryError, match=r"config\.json: not Docker's configuration"):
        find_credentials("fleet.example", tmp_path / "config.json")
