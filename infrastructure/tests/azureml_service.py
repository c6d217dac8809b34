"""Azure Resource Manager on this machine, as far as azure-ai-ml needs it to create and read a job.

The real SDK runs with its own serialization, policies and retries; only its transport is led to this server, because
the SDK refuses to show a token to a server without TLS.
"""

import base64
import json
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, override
from urllib.parse import parse_qs, urlsplit

SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
WORKSPACE = {
    "location": "eastus",
    "properties": {"workspaceId": "w", "discoveryUrl": "https://eastus.api.azureml.ms/discovery"},
}


@dataclass
class Arm:
    """What was created, and what the service says of jobs."""

    resources: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    status: str = "Running"
    children: list[dict[str, Any]] = field(default_factory=list)
    refuse: tuple[int, dict[str, Any]] | None = None

    def kind(self, kind: str) -> list[Any]:
        """Bodies of everything of one kind that was created, in order."""
        return [body for path, body in self.resources.items() if f"/{kind}/" in path]

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        self.asked.append((method, path))
        if self.refuse and ("/jobs/" in path or "/data/" in path):
            return self.refuse
        if method == "PUT":
            self.resources[path] = {"id": path, "name": path.rpartition("/")[2], **body}
            return 200, self.resources[path]
        if path.endswith("/cancel"):
            return 200, {}
        if path == "/discovery":
            return 200, {"api": "https://eastus.api.azureml.ms"}
        if "/children" in path:
            return 200, {"value": self.children}
        if path.endswith("/deployments"):  # of an endpoint
            return 200, {"value": [body for one, body in self.resources.items() if one.startswith(f"{path}/")]}
        if path in self.resources:
            found = self.resources[path]
            return 200, {**found, "properties": {**found["properties"], "status": self.status}}
        if path.rpartition("/")[0].endswith("/workspaces"):
            return 200, {"id": path, "name": "ws", **WORKSPACE}
        return 404, {"error": {"code": "ResourceNotFound", "message": f"{path} was not found."}}


def handler(arm: Arm) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def respond(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = urlsplit(self.path)
            told = json.loads(raw) if raw and "json" in self.headers.get("Content-Type", "") else raw or None
            status, body = arm.answer(self.command, parts.path, parse_qs(parts.query), told)
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_HEAD = respond  # noqa: N815 # names of http.server

        @override
        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    return Handler


class Credential:
    """Gives tokens that nobody here checks, for the audience that is asked for."""

    def get_token(self, *scopes: str, **_: Any) -> Any:
        from azure.core.credentials import AccessToken

        end = int(time.time()) + 3600
        claims = {"aud": scopes[0].removesuffix("/.default"), "exp": end}
        payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
        return AccessToken(f"e30.{payload}.eHg", end)


@contextmanager
def workspace(arm: Arm | None = None) -> Iterator[tuple[Arm, Any]]:
    """(what the service saw, an `MLClient` that speaks to it)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from azure.ai.ml import MLClient
        from azure.core.pipeline.transport import RequestsTransport

    arm = arm or Arm()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(arm))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()

    class Loopback(RequestsTransport):
        def send(self, request: Any, **more: Any) -> Any:
            parts = urlsplit(request.url)
            here = f"http://127.0.0.1:{server.server_port}"
            request.url = request.url.replace(f"{parts.scheme}://{parts.netloc}", here, 1)
            return super().send(request, **more)

    transport = Loopback()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield arm, MLClient(Credential(), SUBSCRIPTION, "rg", "ws", transport=transport)
    finally:
        transport.close()
        server.shutdown()
        thread.join()
        server.server_close()
