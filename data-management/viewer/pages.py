"""The pages: rendered here, made alive by the modules in `static/`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse, Response

from physai.infrastructure.page import STYLE, environment

from ..tools.select import FACTS
from . import rerun
from .browse import DatasetId, EpisodeId, PageNumber, Search
from .identity import Person, Role
from .launch import RunId
from .relatives import family_of
from .review import waiting
from .views import cards, dataset_view, episode_view

if TYPE_CHECKING:
    from .service import Desk

TEMPLATES = Path(__file__).parent / "templates"
KINDS = ("recorded", "curated", "synthetic", "rollouts", "other")
CARDS = 24


def routes(desk: "Desk") -> APIRouter:
    """Pages for everyone who may see datasets; what a role may not do, its pages do not offer."""
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

    @router.get("/")
    def datasets(request: Request, search: Search = "", kind: str = "", page: PageNumber = 1) -> Response:
        kind = kind if kind in KINDS else ""
        found = cards(desk.catalog, desk.indexes, search=search, kind=kind, page=page, size=CARDS)
        return _page(request, "datasets.html", found=found, search=search, kind=kind, kinds=KINDS, desk=desk)

    @router.get("/datasets/{dataset}")
    def dataset(request: Request, dataset: DatasetId) -> Response:
        view = dataset_view(desk.catalog.get(dataset), desk.indexes)
        return _page(request, "dataset.html", view=view, facts=FACTS, workflows=desk.runs.workflows)

    @router.get("/datasets/{dataset}/episodes/{episode}")
    def episode(request: Request, dataset: DatasetId, episode: EpisodeId, against: str = "") -> Response:
        index = desk.indexes.of(desk.catalog.get(dataset))
        index.row(episode)
        view = episode_view(index, episode, desk.facts, family_of(index, episode, desk.catalog, desk.indexes))
        local = index.entry.place.replaces
        return _page(
            request,
            "episode.html",
            view=view,
            against=against,
            local=local,
            rerun=rerun.is_installed(),
        )

    @router.get("/review")
    def reviews(request: Request) -> Response:
        places = [place.uri for place in desk.catalog.places]
        return _page(request, "reviews.html", waiting=waiting(desk), places=places, here="review")

    @router.get("/datasets/{dataset}/review")
    def review(request: Request, dataset: DatasetId) -> Response:
        view = dataset_view(desk.catalog.get(dataset), desk.indexes)
        return _page(request, "review.html", view=view, workflows=desk.runs.workflows, here="review")

    @router.get("/runs")
    def runs(request: Request) -> Response:
        return _page(request, "runs.html", runs=desk.runs.list(), here="runs")

    @router.get("/runs/{run}")
    def run(request: Request, run: RunId) -> Response:
        return _page(request, "run.html", run=desk.runs.get(run), here="runs")

    return router


def add_style(app: FastAPI) -> None:
    """The style that all pages of the house share."""

    @app.get("/style.css", include_in_schema=False)
    def style() -> Response:
        return Response((STYLE / "style.css").read_bytes(), media_type="text/css")


def _page(request: Request, template: str, **shown: Any) -> Response:
    person: Person = request.state.person
    return HTMLResponse(environment(TEMPLATES).get_template(template).render(person=person, Role=Role, **shown))


def problem_page(status: int, detail: str) -> Response:
    """What a person sees instead of the page they asked for."""
    text = environment(TEMPLATES).get_template("problem.html").render(status=status, detail=detail, person=None)
    return HTMLResponse(text, status)
