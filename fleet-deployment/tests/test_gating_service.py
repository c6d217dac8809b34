"""The gate's service as its callers meet it: real HTTP, roles, limits, fuzzing by its schema, and a real browser."""

import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error

from physai.fleet_deployment.gating import events as ev
from physai.fleet_deployment.gating.gate import Gate
from physai.fleet_deployment.gating.journal import verify_log
from physai.fleet_deployment.gating.rules import GateRules, ShadowBounds
from physai.fleet_deployment.gating.service import create_app
from physai.fleet_deployment.gating.tokens import Tokens
from physai.fleet_deployment.tests.gate_events import condition, package_of, staged, way_in
from physai.infrastructure.contracts import ShadowRun
from physai.infrastructure.page.shield import MAX_BODY, Bucket


@dataclass
class Served:
    """A running service."""

    url: str
    gate: Gate
    tokens: dict[str, str]

    def call(self, role: str | None, method: str, path: str, **options: object) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.tokens[role]}"} if role else {}
        return httpx.request(method, self.url + path, headers=headers, **options)  # type: ignore[arg-type]

    def post(self, role: str | None, path: str, **body: object) -> httpx.Response:
        return self.call(role, "POST", path, json=body)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A service on loopback with a token of each role; its audit chain must hold afterwards."""
    folder = tmp_path / "gate"
    gate = Gate(folder, "robot-1")
    tokens = Tokens(folder / "tokens.json")
    secrets = {role: tokens.add(f"the-{role}", role) for role in ("viewer", "operator", "admin", "robot")}
    app = create_app(gate, tokens, rate_hz=100_000, burst=100_000)
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    sockets = [config.bind_socket()]
    thread = threading.Thread(target=server.run, args=(sockets,))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield Served(f"http://127.0.0.1:{sockets[0].getsockname()[1]}", gate, secrets)
    server.should_exit = True
    thread.join()
    if gate.fault is None and (folder / "audit.jsonl").exists():
        assert verify_log(folder / "audit.jsonl", "robot-1", bytes.fromhex((folder / "audit.pub").read_text()))


def waiting(served: Served, release: str = "a") -> None:
    for event in way_in(release)[:2]:
        served.gate.send(event)


def test_an_operator_takes_a_release_from_waiting_to_active_and_back(served: Served) -> None:
    robot = {"kind": "robot-condition", "version": 1, "robot": "robot-1", "idle": True, "mid_episode": False}
    for release in ("a", "b"):
        event = staged(release, at=datetime.now(UTC)).model_dump(mode="json")
        assert served.post("robot", "/v1/events", event=event).status_code == 200
        told = robot | {"e_stop": False, "at": datetime.now(UTC).isoformat()}
        assert served.call("robot", "POST", "/v1/condition", json=told).json()["candidate"]["stage"] == "awaiting"
        body = {"release": release, "package": package_of(release), "reason": "watched it"}
        assert served.post("operator", "/v1/approve", **body).json()["candidate"]["approved_by"] == ["the-operator"]
        told["at"] = datetime.now(UTC).isoformat()
        assert served.call("robot", "POST", "/v1/condition", json=told).json()["candidate"]["stage"] == "activating"
        done = {"event": "activated", "at": datetime.now(UTC).isoformat(), "release": release}
        assert served.post("robot", "/v1/events", event=done).json()["active"]["release"] == release
    back = served.post("operator", "/v1/rollback", release="b", reason="overshoots").json()
    assert (back["active"]["release"], back["last_good"]) == ("a", None)
    log = served.call("viewer", "GET", "/v1/audit").json()
    assert log[-1]["event"]["by"] == "the-operator"
    assert log[-1]["result"] == "a: superseded -> active; b: active -> rolled-back"


DECISIONS = ("/v1/approve", "/v1/reject", "/v1/confirm", "/v1/rollback", "/v1/halt")
RIGHTS = {
    **{("GET", path): {"viewer", "operator", "admin", "robot"} for path in ("/v1/status", "/v1/audit", "/metrics")},
    **{("POST", path): {"operator", "admin"} for path in DECISIONS},
    ("POST", "/v1/resume"): {"admin"},
    ("POST", "/v1/condition"): {"robot"},
    ("POST", "/v1/events"): {"robot"},
}


def test_every_path_asks_for_the_right_role(served: Served) -> None:
    waiting(served)
    before = served.gate.state
    paths = httpx.get(f"{served.url}/openapi.json").json()["paths"]
    asked = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert asked - {("GET", "/healthz")} == RIGHTS.keys()
    body = condition(datetime.now(UTC)).model_dump(mode="json")
    events = {"event": ev.Activated(at=datetime.now(UTC), release="a").model_dump(mode="json")}
    decision = {"reason": "r"}
    for (method, path), roles in RIGHTS.items():
        sent = body if path == "/v1/condition" else events if path == "/v1/events" else decision
        if path in DECISIONS[:4]:
            sent = decision | {"release": "a"} | ({"package": package_of("a")} if path == "/v1/approve" else {})
        options = {"json": sent} if method == "POST" else {}
        assert served.call(None, method, path, **options).status_code == 401
        for role in {"viewer", "operator", "admin", "robot"} - roles:
            assert served.call(role, method, path, **options).status_code == 403, (path, role)
    assert served.gate.state == before


def test_a_revoked_token_is_heeded_at_once(served: Served, tmp_path: Path) -> None:
    assert served.call("viewer", "GET", "/v1/status").status_code == 200
    Tokens(tmp_path / "gate" / "tokens.json").revoke("the-viewer")
    assert served.call("viewer", "GET", "/v1/status").status_code == 401
    assert served.tokens["viewer"] not in (tmp_path / "gate" / "tokens.json").read_text()


def test_a_refusal_tells_why_and_a_damaged_journal_is_unavailable(served: Served, tmp_path: Path) -> None:
    waiting(served)
    said = served.post("operator", "/v1/approve", release="b", package=package_of("b"), reason="r")
    assert (said.status_code, "the candidate is 'a'" in said.json()["detail"]) == (409, True)
    log = tmp_path / "gate" / "audit.jsonl"
    log.write_bytes(log.read_bytes()[:-200] + b"\n")
    assert served.post("operator", "/v1/halt", reason="r").status_code == 503
    assert served.call("viewer", "GET", "/v1/status").json()["fault"] is not None
    assert served.call("viewer", "GET", "/v1/audit").status_code == 503
    assert 'physai_gate_fault{robot="robot-1"} 1.0' in served.call("viewer", "GET", "/metrics").text


def test_large_bodies_are_refused_and_every_answer_is_shielded(served: Served) -> None:
    large = served.call("operator", "POST", "/v1/halt", content=b" " * (MAX_BODY + 1))
    assert large.status_code == 413
    for answer in (large, httpx.get(served.url), httpx.get(f"{served.url}/nowhere")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_bucket_lets_a_burst_pass_and_then_its_rate() -> None:
    now = 0.0
    bucket = Bucket(rate_hz=2, burst=3, clock=lambda: now)
    assert [bucket.take("a") for _ in range(4)] == [True, True, True, False]
    assert bucket.take("b")
    now = 0.5  # one more has dripped in
    assert [bucket.take("a"), bucket.take("a")] == [True, False]


def test_metrics_name_what_serves_and_count_decisions(served: Served) -> None:
    waiting(served)
    served.post("operator", "/v1/reject", release="b", reason="r")
    served.post("operator", "/v1/halt", reason="r")
    text = served.call("viewer", "GET", "/metrics").text
    assert 'physai_gate_decisions_total{event="rejected",outcome="refused",robot="robot-1"} 1.0' in text
    assert 'physai_gate_decisions_total{event="halted",outcome="done",robot="robot-1"} 1.0' in text
    assert 'physai_gate_candidate_stage{robot="robot-1",stage="awaiting"} 1.0' in text
    assert 'physai_gate_halted{robot="robot-1"} 1.0' in text


def test_what_the_robot_is_doing_and_how_shadow_mode_goes_is_shared_between_processes(served: Served) -> None:
    rules = GateRules(shadow=ShadowBounds(min_steps=200, max_rms=0.1, max_abs=0.2))
    beside = Gate(served.gate.journal.path.parent, "robot-1", rules)  # the runtime's, on the same folder
    for event in (*way_in("a"), staged("b")):
        beside.send(event)
    told = condition(datetime.now(UTC)).model_copy(update={"battery": 0.5})
    assert served.post("robot", "/v1/condition", **told.model_dump(mode="json")).status_code == 200
    assert beside.condition == told
    run = ShadowRun(release="b", steps=120, min_steps=200, rms=0.01, max_abs=0.02, violations=0, skipped=0)
    beside.tell_shadow(run)
    status = served.call("viewer", "GET", "/v1/status").json()
    assert status["waiting_for"] == "its run in shadow mode"
    assert status["shadow"]["steps"] == 120
    metrics = served.call("viewer", "GET", "/metrics").text
    assert 'physai_gate_shadow{robot="robot-1",what="steps"} 120.0' in metrics
    beside.send(ev.ShadowJudged(at=datetime.now(UTC), release="b", passed=True, why="near"))
    assert served.call("viewer", "GET", "/v1/status").json()["shadow"] is None, (
        "nothing of it is shown once it is judged"
    )
    records = served.call("viewer", "GET", "/v1/audit").json()
    assert records[-1]["result"] == "b: passed in shadow mode"


@pytest.mark.filterwarnings("default")  # of the fuzzer's own making
@pytest.mark.parametrize("role", [None, "viewer", "operator", "admin", "robot"])
def test_no_request_that_the_schema_describes_or_forbids_breaks_the_service(served: Served, role: str | None) -> None:
    waiting(served)
    schema = schemathesis.openapi.from_url(f"{served.url}/openapi.json")
    calls = [call for found in schema.get_all_operations() for call in fuzz(found.ok(), served, role)]
    assert len(calls) > 50


def fuzz(operation: schemathesis.schemas.APIOperation, served: Served, role: str | None) -> list[int]:
    """The status of a dozen drawn calls; none breaks the service, and none without the right role is heard."""
    headers = {"Authorization": f"Bearer {served.tokens[role]}"} if role else {}
    roles = RIGHTS.get((operation.method.upper(), operation.path))
    seen: list[int] = []

    @settings(
        max_examples=12, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    @given(case=operation.as_strategy())
    def call(case: schemathesis.Case) -> None:
        response = case.call(headers=headers)
        case.validate_response(response, checks=[not_a_server_error])
        seen.append(response.status_code)
        if roles is not None and role not in roles:
            assert response.status_code in (400, 401, 403, 422)

    call()
    return seen


def test_the_page_works_on_a_laptop_and_a_tablet(served: Served, tmp_path: Path) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("needs chromium")
    from playwright.sync_api import sync_playwright

    waiting(served, "<b>a</b>")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        errors: list[str] = []
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto(served.url)
        page.fill("#token", served.tokens["operator"])
        page.click("text=Sign in")
        assert "<b>a</b>" in page.inner_text("main")
        for width, height in ((1280, 800), (820, 1180)):
            page.set_viewport_size({"width": width, "height": height})
            page.screenshot(path=str(tmp_path / f"gate-{width}.png"))
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
            low = page.evaluate("Math.min(...[...document.querySelectorAll('button')].map(b => b.offsetHeight))")
            assert low >= 44  # px, the least that a finger hits. Source: WCAG 2.2, 2.5.5
        page.fill("#approve-reason", "watched it")
        page.click("button:has-text('Approve')")
        page.wait_for_selector(".stage.approved")
        page.screenshot(path=str(tmp_path / "gate.png"))
        browser.close()
    assert served.gate.history()[-1].event["by"] == "the-operator"
    assert errors == []


def test_a_form_from_elsewhere_or_without_a_session_decides_nothing(served: Served) -> None:
    form = {"action": "halt", "reason": "r"}
    cookies = {"physai-gate": served.tokens["operator"]}
    assert httpx.post(f"{served.url}/act", data=form).status_code == 401
    foreign = httpx.post(
        f"{served.url}/act", data=form, cookies=cookies, headers={"Origin": "https://elsewhere.example"}
    )
    assert foreign.status_code == 401
    viewer = httpx.post(f"{served.url}/act", data=form, cookies={"physai-gate": served.tokens["viewer"]})
    assert viewer.status_code == 409
    empty = httpx.post(f"{served.url}/act", data={"action": "halt", "reason": " "}, cookies=cookies)
    assert (empty.status_code, served.gate.state.halted) == (409, None)
    assert httpx.post(f"{served.url}/act", data=form, cookies=cookies).status_code == 303
    assert served.gate.state.halted == "the-operator: r"


def test_an_old_condition_from_the_network_activates_nothing(served: Served) -> None:
    waiting(served)
    served.post("operator", "/v1/approve", release="a", package=package_of("a"), reason="r")
    old = condition(datetime.now(UTC) - timedelta(minutes=1)).model_dump(mode="json")
    answer = served.call("robot", "POST", "/v1/condition", json=old).json()
    assert (answer["candidate"]["stage"], answer["waiting_for"]) == ("approved", "its condition is not fresh")
