"""The API of looking: datasets, episodes, videos and pictures. It changes nothing."""

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import ConfigDict

from ..tools.quality import QualityReport
from .media import video
from .relatives import family_of
from .views import (
    Card,
    DatasetView,
    EpisodeLine,
    EpisodeView,
    Page,
    Validation,
    cards,
    dataset_view,
    episode_view,
    line_of,
    validation_view,
)

if TYPE_CHECKING:
    from .service import Desk

MOST = 2**31 - 1
BODY = ConfigDict(strict=False, defer_build=False)
"""For bodies: the framework parses JSON first, so tuples arrive as lists, and builds validators at the start."""
DatasetId = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,60}$", description="As in the list of datasets.")]
EpisodeId = Annotated[int, Path(ge=0, le=MOST)]
CameraId = Annotated[str, Path(max_length=200, description="As in the episode's clips.")]
Where = Annotated[str, Query(max_length=1000)]
Search = Annotated[str, Query(max_length=200)]
PageNumber = Annotated[int, Query(ge=1, le=MOST)]
PageSize = Annotated[int, Query(ge=1, le=200)]


def routes(desk: "Desk") -> APIRouter:
    """For everyone who may see datasets."""
    router = APIRouter(prefix="/api/datasets", tags=["browse"])

    @router.get("")
    def datasets(
        search: Search = "",
        kind: Annotated[str, Query(pattern="^(recorded|curated|synthetic|rollouts|other)?$")] = "",
        page: PageNumber = 1,
        size: PageSize = 24,
    ) -> Page[Card]:
        """Datasets, searched by name, robot and task."""
        return cards(desk.catalog, desk.indexes, search=search, kind=kind, page=page, size=size)

    @router.get("/{dataset}")
    def dataset(dataset: DatasetId) -> DatasetView:
        """Facts and statistics of one dataset."""
        return dataset_view(desk.catalog.get(dataset), desk.indexes)

    @router.get("/{dataset}/episodes")
    def episodes(dataset: DatasetId, where: Where = "", page: PageNumber = 1, size: PageSize = 50) -> Page[EpisodeLine]:
        """Episodes of a dataset of which a condition is true, e.g. `rating >= 4 and 'blurred' not in labels`."""
        index = desk.indexes.of(desk.catalog.get(dataset))
        chosen = desk.facts.select(index, "", where)
        facts = desk.facts.of(index) if where.strip() else desk.facts.known(index)
        shown = tuple(line_of(index, each, facts) for each in chosen[(page - 1) * size : page * size])
        return Page(items=shown, total=len(chosen), page=page, size=size)

    @router.get("/{dataset}/quality")
    def scores(dataset: DatasetId) -> QualityReport | None:
        """Scores of every episode with their reasons; null if they were not computed."""
        return desk.facts.judged(desk.indexes.of(desk.catalog.get(dataset)))

    @router.get("/{dataset}/validation")
    def validation(dataset: DatasetId) -> Validation | None:
        """What the last validation found; null if there was none since the dataset changed."""
        mark, report = desk.validations.get(dataset, (None, None))
        current = mark == desk.indexes.of(desk.catalog.get(dataset)).mark
        return validation_view(report) if report and current else None

    @router.get("/{dataset}/episodes/{episode}")
    def episode(dataset: DatasetId, episode: EpisodeId) -> EpisodeView:
        """One episode: its clips, its numbers over time, its subtasks."""
        index = desk.indexes.of(desk.catalog.get(dataset))
        index.row(episode)
        return episode_view(index, episode, desk.facts, family_of(index, episode, desk.catalog, desk.indexes))

    @router.get(
        "/{dataset}/episodes/{episode}/video/{camera}",
        response_class=Response,
        responses={206: {"description": "The part that was asked for."}, 416: {"description": "There is none."}},
    )
    def film(dataset: DatasetId, episode: EpisodeId, camera: CameraId, request: Request) -> Response:
        """The video an episode is in, of depth one of colours; `from_s` and `to_s` say where. Takes byte ranges."""
        return video(request, desk.indexes.of(desk.catalog.get(dataset)), episode, camera, desk.coloured)

    @router.get("/{dataset}/episodes/{episode}/picture/{camera}", response_class=Response)
    def picture(
        dataset: DatasetId, episode: EpisodeId, camera: CameraId, share: Annotated[float, Query(ge=0, le=1)] = 0.5
    ) -> Response:
        """A still picture, JPEG; `share` of the episode lies before it."""
        index = desk.indexes.of(desk.catalog.get(dataset))
        content = desk.pictures.of(index, episode, camera, share)
        return Response(content, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=300"})

    return router
