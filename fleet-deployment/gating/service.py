"""The gate over HTTP: state and audit log for those who may see, decisions for those who may decide."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import ConfigDict, Field

from physai.infrastructure.contracts import AuditRecord, Contract, Digest, GateStatus, RobotCondition
from physai.infrastructure.page.shield import Bucket, Shield

from ..errors import FleetError, GateFaultError, JournalFullError, RefusedError
from . import events as ev
from .gate import Gate
from .metrics import Metrics
from .tokens import MAY, Token, Tokens

bearer = HTTPBearer(auto_error=False, description="A token of `physai fleet-deployment gate token add`.")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


class Problem(Contract):
    """Why a request was refused."""

    detail: str


BODY = ConfigDict(defer_build=False)  # the framework builds its own validators of bodies as they are at the start
LAX = ConfigDict(strict=False, defer_build=False)  # it parses JSON first, so that times arrive as text


class Reasoned(Contract):
    """A decision about the whole gate."""

    model_config = BODY

    reason: ev.Why


class OnRelease(Reasoned):
    """A decision about one release."""

    release: ev.Name


class OnPackage(OnRelease):
    """An approval names the package that was looked at."""

    package: Digest


class ConditionBody(RobotCondition):
    """What a robot is doing now."""

    model_config = LAX


class StagedBody(ev.Staged):
    """A package is on the robot and checked."""

    model_config = LAX


class ShadowJudgedBody(ev.ShadowJudged):
    """The candidate was compared in shadow mode."""

    model_config = LAX


class ActivatedBody(ev.Activated):
    """The robot has switched."""

    model_config = LAX


class FailedBody(ev.Failed):
    """The switch did not succeed."""

    model_config = LAX


class OutcomeBody(ev.Outcome):
    """A production episode has ended."""

    model_config = LAX


class RobotEvent(Contract):
    """What a robot tells of its policies."""

    model_config = BODY

    event: Annotated[
        StagedBody | ShadowJudgedBody | ActivatedBody | FailedBody | OutcomeBody, Field(discriminator="event")
    ]


class Alive(Contract):
    """An answer."""

    alive: Literal[True] = True


@dataclass
class Desk:
    """What every request needs."""

    gate: Gate
    tokens: Tokens
    metrics: Metrics = field(default_factory=Metrics)

    @property
    def status(self) -> GateStatus:
        """The state of the gate, with what the robot told last."""
        return self.gate.status(self.gate.condition)

    def decide(self, event: ev.Event) -> GateStatus:
        """Let something happen, and count it."""
        start = time.perf_counter()
        outcome = "done"
        try:
            self.gate.send(event)
        except FleetError as error:
            outcome = "refused" if isinstance(error, RefusedError) else "fault"
            raise
        finally:
            self.metrics.seconds.labels(self.gate.robot).observe(time.perf_counter() - start)
            self.metrics.decisions.labels(self.gate.robot, event.event, outcome).inc()
        return self.status

    def caller(self, credentials: HTTPAuthorizationCredentials | None, right: str) -> Token:
        """Who speaks, if they may."""
        token = self.tokens.find(credentials.credentials) if credentials else None
        if token is None:
            raise HTTPException(401, "give a valid bearer token", {"WWW-Authenticate": "Bearer"})
        if right not in MAY[token.role]:
            raise HTTPException(403, f"the role '{token.role}' may not {right}")
        return token


REFUSALS: dict[int | str, dict[str, object]] = {
    code: {"model": Problem, "description": text}
    for code, text in (
        (400, "The body cannot be read."),
        (401, "No valid token."),
        (403, "The token's role may not do this."),
        (409, "The gate refuses: out of place."),
        (413, "The body is too large."),
        (429, "Too many requests."),
        (503, "The journal is damaged, or its disk is full; nothing has changed."),
    )
}


def create_app(gate: Gate, tokens: Tokens, *, rate_hz: float = 20, burst: int = 60) -> FastAPI:
    """The service.

    Args:
        gate: Of the robot.
        tokens: Who may speak.
        rate_hz: Requests per second that one client may send for long.
        burst: And at once.
    """
    from .page import add_page

    desk = Desk(gate, tokens)
    app = FastAPI(title=f"Gate of {gate.robot}", version="1", docs_url=None, redoc_url=None, responses=REFUSALS)
    app.add_middleware(Shield, bucket=Bucket(rate_hz, burst))
    _add_refusals(app)
    _add_views(app, desk)
    _add_decisions(app, desk)
    _add_robot(app, desk)
    add_page(app, desk)
    return app


def _add_refusals(app: FastAPI) -> None:
    @app.exception_handler(FleetError)
    async def refused(_: Request, error: FleetError) -> JSONResponse:
        broken = isinstance(error, GateFaultError | JournalFullError)
        return JSONResponse({"detail": str(error)}, 503 if broken else 409)


def _add_views(app: FastAPI, desk: Desk) -> None:
    @app.get("/healthz")
    def alive() -> Alive:
        """Whether the service answers; the one path that needs no token."""
        return Alive()

    @app.get("/v1/status")
    def status(credentials: Credentials) -> GateStatus:
        """The state of the gate."""
        desk.caller(credentials, "view")
        return desk.status

    @app.get("/v1/audit")
    def audit(
        credentials: Credentials,
        after: Annotated[int, Query(ge=-1, le=2**53)] = -1,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> list[AuditRecord]:
        """Records of the audit log, the oldest first."""
        desk.caller(credentials, "view")
        return [record for record in desk.gate.history() if record.seq > after][:limit]

    @app.get("/metrics")
    def metrics(credentials: Credentials) -> Response:
        """Numbers for Prometheus."""
        desk.caller(credentials, "view")
        text = desk.metrics.render(desk.status)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


def _add_decisions(app: FastAPI, desk: Desk) -> None:
    def now() -> datetime:
        return datetime.now(UTC)

    @app.post("/v1/approve")
    def approve(body: OnPackage, credentials: Credentials) -> GateStatus:
        """Approve the candidate."""
        by = desk.caller(credentials, "decide").name
        return desk.decide(ev.Approved(at=now(), release=body.release, package=body.package, by=by, reason=body.reason))

    @app.post("/v1/reject")
    def reject(body: OnRelease, credentials: Credentials) -> GateStatus:
        """Turn the candidate down for good."""
        by = desk.caller(credentials, "decide").name
        return desk.decide(ev.Rejected(at=now(), release=body.release, by=by, reason=body.reason))

    @app.post("/v1/confirm")
    def confirm(body: OnRelease, credentials: Credentials) -> GateStatus:
        """Confirm the active policy."""
        by = desk.caller(credentials, "decide").name
        return desk.decide(ev.Confirmed(at=now(), release=body.release, by=by, reason=body.reason))

    @app.post("/v1/rollback")
    def rollback(body: OnRelease, credentials: Credentials) -> GateStatus:
        """Return to the policy before, for good."""
        by = desk.caller(credentials, "decide").name
        return desk.decide(ev.RolledBack(at=now(), release=body.release, by=by, reason=body.reason))

    @app.post("/v1/halt")
    def halt(body: Reasoned, credentials: Credentials) -> GateStatus:
        """Let nothing be activated."""
        by = desk.caller(credentials, "decide").name
        return desk.decide(ev.Halted(at=now(), by=by, reason=body.reason))

    @app.post("/v1/resume")
    def resume(body: Reasoned, credentials: Credentials) -> GateStatus:
        """End a halt."""
        by = desk.caller(credentials, "administer").name
        return desk.decide(ev.Resumed(at=now(), by=by, reason=body.reason))


def _add_robot(app: FastAPI, desk: Desk) -> None:
    @app.post("/v1/condition")
    def condition(body: ConditionBody, credentials: Credentials) -> GateStatus:
        """The robot tells what it is doing, what needs no person is done, and it switches to what is 'activating'."""
        desk.caller(credentials, "report")
        if body.robot != desk.gate.robot:
            raise HTTPException(409, f"this is the gate of {desk.gate.robot}")
        told = RobotCondition.model_validate_json(body.model_dump_json())
        desk.gate.tell_condition(told)
        if desk.gate.fault is None:
            desk.gate.advance(told)
        return desk.status

    @app.post("/v1/events")
    def events(body: RobotEvent, credentials: Credentials) -> GateStatus:
        """The robot tells what happened to a policy."""
        desk.caller(credentials, "report")
        return desk.decide(ev.EVENT.validate_json(body.event.model_dump_json()))
