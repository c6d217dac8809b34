"""The viewer as a service: who may ask what, and the routes of each part."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from physai.infrastructure.contracts import Contract
from physai.infrastructure.errors import PhysaiError
from physai.infrastructure.page.shield import Bucket, Shield

from ..tools.validate import ValidationReport
from .coloured import Coloured
from .entra import SESSION_S, EntraSignIn
from .episodes import Indexes
from .errors import ViewerError
from .facts import FactBook
from .guard import CONTENT, guard
from .identity import Person, Role, SignIn
from .pictures import Pictures
from .places import Catalog
from .rerun import Rerun
from .runs import Runs
from .works import Works

HERE = Path(__file__).parent
RATE_HZ, BURST = 100, 400  # requests of one client; a page of pictures is some fifty
LOOPBACK = ("127.0.0.1", "localhost")


@dataclass
class Desk:
    """What every request needs."""

    catalog: Catalog
    sign_in: SignIn
    indexes: Indexes = field(default_factory=Indexes)
    pictures: Pictures = field(default_factory=Pictures)
    coloured: Coloured = field(default_factory=Coloured)
    facts: FactBook = field(default_factory=FactBook)
    works: Works = field(default_factory=Works)
    runs: Runs = field(default_factory=Runs)
    rerun: Rerun = field(default_factory=Rerun)
    validations: dict[str, tuple[object, ValidationReport]] = field(default_factory=dict)
    """Dataset id → what it was then, and what was found."""

    def needs(self, role: Role) -> Any:
        """A dependency that lets through whoever has at least this role."""

        def check(request: Request) -> Person:
            person = self.sign_in.who(request)
            if person is None:
                raise HTTPException(401, "sign in first")
            if not person.role.may(role):
                raise HTTPException(403, f"this needs the role '{role}', and you are '{person.role}'")
            request.state.person = person
            return person

        return Depends(check)


class Problem(Contract):
    """Why a request was refused."""

    detail: str


class Alive(Contract):
    """An answer."""

    alive: bool = True


REFUSALS: dict[int | str, dict[str, Any]] = {
    code: {"model": Problem, "description": text}
    for code, text in (
        (401, "Nobody is signed in."),
        (403, "The person's role may not do this, or another site's page asked."),
        (404, "There is no such dataset, episode or run."),
        (409, "Refused: damaged, busy or out of place."),
        (413, "The body is too large."),
        (429, "Too many requests."),
    )
}


def whoever(request: Request) -> Person:
    """The person that a route's check has let through."""
    person: Person = request.state.person
    return person


Who = Annotated[Person, Depends(whoever)]


def create_app(
    desk: Desk,
    *,
    hosts: Sequence[str] = LOOPBACK,
    rate_hz: float = RATE_HZ,
    burst: int = BURST,
) -> FastAPI:
    """The service.

    Args:
        desk: What is shown, and to whom.
        hosts: Names under which browsers may reach it.
        rate_hz: Requests per second that one client may send for long.
        burst: And at once.
    """
    from . import browse, curate, judge, launch, pages, review

    app = FastAPI(title="physai viewer", version="1", docs_url=None, redoc_url=None)
    app.add_middleware(BaseHTTPMiddleware, dispatch=guard)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))
    if isinstance(desk.sign_in, EntraSignIn):
        secure = desk.sign_in.url.startswith("https:")
        app.add_middleware(
            SessionMiddleware,
            secret_key=secrets.token_urlsafe(32),  # a restart ends every session
            session_cookie="physai-viewer",
            max_age=SESSION_S,
            same_site="lax",  # Entra sends people back from its own site
            https_only=secure,
        )
        app.include_router(desk.sign_in.routes())
    app.add_middleware(Shield, bucket=Bucket(rate_hz, burst), content=CONTENT)
    _add_refusals(app, desk)

    @app.get("/healthz")
    def alive() -> Alive:
        """Whether the service answers; open to all."""
        return Alive()

    for role, routers in {
        Role.VIEWER: (
            browse.routes(desk),
            review.routes(desk),
            curate.work_routes(desk),
            launch.view_routes(desk),
            pages.routes(desk),
        ),
        Role.ANNOTATOR: (judge.routes(desk),),
        Role.ADMIN: (curate.routes(desk), launch.routes(desk)),
    }.items():
        for router in routers:
            _include(app, router, desk, role)
    pages.add_style(app)
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    return app


def _include(app: FastAPI, router: APIRouter, desk: Desk, role: Role) -> None:
    app.include_router(router, dependencies=[desk.needs(role)], responses=REFUSALS)


def _add_refusals(app: FastAPI, desk: Desk) -> None:
    from .pages import problem_page

    def answer(request: Request, status: int, detail: str) -> Response:
        if not _wants_page(request):
            return JSONResponse({"detail": detail}, status)
        return problem_page(status, detail)

    @app.exception_handler(PhysaiError)
    def refused(request: Request, error: PhysaiError) -> Response:
        return answer(request, error.status if isinstance(error, ViewerError) else 409, str(error))

    @app.exception_handler(OSError)
    def blocked(request: Request, error: OSError) -> Response:
        where = f"{Path(str(error.filename)).name}: " if error.filename else ""
        return answer(request, 409, f"{where}{error.strerror or error}. Free what is in the way, then try again.")

    @app.exception_handler(HTTPException)
    def failed(request: Request, error: HTTPException) -> Response:
        if error.status_code == 401 and desk.sign_in.page and _wants_page(request):
            return RedirectResponse(desk.sign_in.page, 303)
        return answer(request, error.status_code, str(error.detail))

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        return answer(request, 422, f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}")


def _wants_page(request: Request) -> bool:
    """Whether a person looks, rather than a program."""
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/")
