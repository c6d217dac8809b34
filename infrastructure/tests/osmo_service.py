"""An OSMO service on this machine: the routes that we call, answering as NVIDIA/OSMO's own code does.

Routes and answers: src/service/core/workflow/workflow_service.py and objects.py, src/service/core/profile/
profile_service.py, and src/lib/utils/login.py for the exchange of an access token.
"""

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, override
from urllib.parse import parse_qs, urlsplit


def web_token(seconds: float) -> str:
    """A JSON web token that ends after some seconds; nobody here checks its signature."""
    claims = base64.urlsafe_b64encode(json.dumps({"exp": time.time() + seconds, "name": "ada"}).encode()).decode()
    return f"e30.{claims.rstrip('=')}.x"


@dataclass
class Service:
    """What the service knows and what it was asked."""

    url: str = ""
    spec: str = ""
    states: list[dict[str, Any]] = field(default_factory=list)
    """Answers to queries, one after another; the last one stays."""
    asked: list[tuple[str, str, dict[str, list[str]], Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    refuse: tuple[int, Any] | None = None
    profile: Any = field(default_factory=lambda: {"pool": "default-pool"})

    def paths(self) -> list[str]:
        return [f"{method} {path}" for method, path, _, _ in self.asked]


def workflow(status: str, *tasks: tuple[str, str]) -> dict[str, Any]:
    """A WorkflowQueryResponse, as far as its required fields go."""
    answers = [
        {
            "name": name,
            "retry_id": 0,
            "status": state,
            "logs": "",
            "events": "",
            "pod_name": name,
            "task_uuid": name,
            "exit_code": 3 if state == "FAILED" else None,
            "failure_message": "Exit code 3" if state == "FAILED" else None,
        }
        for name, state in tasks
    ]
    return {
        "name": "flywheel-7",
        "uuid": "abc",
        "submitted_by": "ada",
        "spec": "",
        "template_spec": "",
        "logs": "",
        "events": "",
        "overview": "http://osmo/workflows/flywheel-7",
        "submit_time": "2026-11-24T10:00:00",
        "queued_time": 0.0,
        "status": status,
        "groups": [{"name": answer["name"], "status": answer["status"], "tasks": [answer]} for answer in answers],
        "plugins": {},
        "priority": "NORMAL",
    }


def content(service: Service, method: str, path: str, query: dict[str, list[str]]) -> Any:
    """What a route answers."""
    match method, path.strip("/").split("/")[1:]:
        case "POST", ["auth", "jwt", "access_token"]:
            return {"token": web_token(3600)}
        case "GET", ["profile", "settings"]:
            return {"profile": service.profile, "roles": [], "pools": []}
        case "POST", ["pool", _, "workflow"]:
            logs = "Workflow validation succeeded." if "validation_only" in query else "submitted"
            return {"name": "flywheel-7", "overview": "http://osmo/workflows/flywheel-7", "logs": logs}
        case "GET", ["workflow", _]:
            return service.states.pop(0) if len(service.states) > 1 else service.states[0]
        case "GET", ["workflow", _, "logs"]:
            return f"2026/11/24 10:00:00 [{query['task_name'][0]}] hello\n"
        case "GET", ["workflow", _, "spec"]:
            return service.spec
        case "POST", ["workflow", name, "cancel"]:
            return {"name": name}
    raise AssertionError(f"no such route: {method} {path}")


def handler(service: Service) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer("GET")

        def do_POST(self) -> None:
            self.answer("POST")

        def answer(self, method: str) -> None:
            parts = urlsplit(self.path)
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            sent = json.loads(raw) if raw.startswith(b"{") else raw.decode()
            service.asked.append((method, parts.path, parse_qs(parts.query), sent))
            service.headers.append(dict(self.headers))
            if service.refuse and "access_token" not in parts.path:
                return self.reply(*service.refuse)
            return self.reply(200, content(service, method, parts.path, parse_qs(parts.query)))

        def reply(self, status: int, body: Any) -> None:
            content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        @override
        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    return Handler


@contextmanager
def serving() -> Iterator[Service]:
    """A service for as long as a test runs."""
    service = Service()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(service))
    service.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
