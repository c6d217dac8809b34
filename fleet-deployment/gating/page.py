"""The gate's page for a browser: rendered here, without a script, so that it works on any tablet at the cell."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import ValidationError

from physai.infrastructure.errors import PhysaiError

from . import events as ev
from .tokens import MAY, Token

if TYPE_CHECKING:
    from .service import Desk

HERE = Path(__file__).parent
COOKIE = "physai-gate"
ACTIONS = {"approve": "decide", "reject": "decide", "confirm": "decide", "rollback": "decide", "halt": "decide"}
ACTIONS["resume"] = "administer"
SHOWN = 30  # records of the audit log


@cache
def templates() -> Environment:
    """Everything is escaped."""
    return Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined)


def add_page(app: FastAPI, desk: "Desk") -> None:
    """The page, its forms and its style."""

    @app.get("/", include_in_schema=False)
    def index(request: Request) -> Response:
        token = _caller(desk, request)
        return HTMLResponse(_gate_page(desk, token) if token else _sign_in_page())

    @app.post("/sign-in", include_in_schema=False)
    async def sign_in(request: Request) -> Response:
        secret = (await _form(request)).get("token", "")
        if not desk.tokens.find(secret):
            return HTMLResponse(_sign_in_page("This token is not known."), 401)
        answer = RedirectResponse("/", 303)
        secure = request.url.scheme == "https"
        answer.set_cookie(COOKIE, secret, max_age=12 * 3600, httponly=True, samesite="strict", secure=secure)
        return answer

    @app.post("/sign-out", include_in_schema=False)
    def sign_out() -> Response:
        answer = RedirectResponse("/", 303)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return answer

    @app.post("/act", include_in_schema=False)
    async def act(request: Request) -> Response:
        token = _caller(desk, request)
        if token is None or not _same_origin(request):
            return HTMLResponse(_sign_in_page("Sign in to decide."), 401)
        said = _decide(desk, token, await _form(request))
        return HTMLResponse(_gate_page(desk, token, said), 409) if said else RedirectResponse("/", 303)

    @app.get("/gate.css", include_in_schema=False)
    def style() -> Response:
        return Response((HERE / "templates" / "gate.css").read_bytes(), media_type="text/css")


def _decide(desk: "Desk", token: Token, form: dict[str, str]) -> str | None:
    """Carry out a form; what is in the way, or None."""
    action = form.get("action", "")
    if ACTIONS.get(action) not in MAY[token.role]:
        return f"The role '{token.role}' may not {action or 'do this'}."
    try:
        desk.decide(_event(action, token.name, form))
    except ValidationError as error:
        field = ".".join(str(part) for part in error.errors()[0]["loc"])
        return f"{field}: {error.errors()[0]['msg']}."
    except PhysaiError as error:
        return str(error)
    return None


def _event(action: str, by: str, form: dict[str, str]) -> ev.Event:
    at, reason, release = datetime.now(UTC), form.get("reason", "").strip(), form.get("release", "")
    if action == "approve":
        return ev.Approved(at=at, by=by, reason=reason, release=release, package=form.get("package", ""))
    if action in ("halt", "resume"):
        return (ev.Halted if action == "halt" else ev.Resumed)(at=at, by=by, reason=reason)
    kinds: dict[str, type[ev.Rejected | ev.Confirmed | ev.RolledBack]]
    kinds = {"reject": ev.Rejected, "confirm": ev.Confirmed, "rollback": ev.RolledBack}
    return kinds[action](at=at, by=by, reason=reason, release=release)


def _gate_page(desk: "Desk", token: Token, said: str | None = None) -> str:
    status = desk.status
    records = [] if status.fault else desk.gate.history()[: -SHOWN - 1 : -1]
    return (
        templates()
        .get_template("gate.html")
        .render(
            status=status, condition=desk.gate.condition, records=records, token=token, may=MAY[token.role], said=said
        )
    )


def _sign_in_page(said: str | None = None) -> str:
    return templates().get_template("sign-in.html").render(said=said)


def _caller(desk: "Desk", request: Request) -> Token | None:
    token = desk.tokens.find(request.cookies.get(COOKIE, ""))
    return token if token and "view" in MAY[token.role] else None


def _same_origin(request: Request) -> bool:
    """Whether a form comes from this page; browsers send an origin with every form."""
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


async def _form(request: Request) -> dict[str, str]:
    text = (await request.body()).decode(errors="replace")
    return {name: values[-1] for name, values in parse_qs(text, keep_blank_values=True).items()}
