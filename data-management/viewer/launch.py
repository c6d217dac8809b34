"""The API of training: workflows, launching them on a selection, following runs."""

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Path, Query

from physai.infrastructure.contracts import Contract

from ..errors import ElsewhereError
from .browse import DatasetId, EpisodeId
from .episodes import Index
from .runs import RUN, LaunchBody, Log, RunView, WorkflowView
from .works import Track, Work

if TYPE_CHECKING:
    from .service import Desk

RunId = Annotated[str, Path(pattern=RUN)]


class Said(Contract):
    """What was done."""

    said: str


class Shown(Contract):
    """Where something is to be seen."""

    url: str


def view_routes(desk: "Desk") -> APIRouter:
    """Following, for everyone."""
    router = APIRouter(prefix="/api", tags=["train"])

    @router.get("/workflows")
    def workflows() -> list[WorkflowView]:
        """Workflows that can be given a selection of episodes."""
        return list(desk.runs.workflows.values())

    @router.get("/runs")
    def runs() -> list[RunView]:
        """Runs, the newest first."""
        return desk.runs.list()

    @router.get("/runs/{run}")
    def run(run: RunId) -> RunView:
        """How far one run is."""
        return desk.runs.get(run)

    @router.get("/runs/{run}/log/{task}")
    def log(
        run: RunId, task: Annotated[str, Path(max_length=200)], offset: Annotated[int, Query(ge=0, le=2**53)] = 0
    ) -> Log:
        """What a task printed, from an offset on."""
        return desk.runs.log(run, task, offset)

    return router


def routes(desk: "Desk") -> APIRouter:
    """Starting and stopping, for admins."""
    from .service import Who

    router = APIRouter(prefix="/api", tags=["train"])

    @router.post("/runs", status_code=202)
    def launch(body: LaunchBody, who: Who) -> Work:
        """Publish the chosen episodes and start a workflow on them; the work's link leads to the run."""
        index = desk.indexes.of(desk.catalog.get(body.dataset))
        workflow = desk.runs.workflow(body.workflow)
        chosen = desk.facts.select(index, body.episodes, body.where)

        def act(_: Track) -> tuple[str, str]:
            run = desk.runs.launch(body, index, chosen, who.name)
            return f"{run} is on its way with {len(chosen)} episodes", f"/runs/{run}"

        return desk.works.start(f"Launching {workflow.name}", body.dataset, who.name, act)

    @router.post("/datasets/{dataset}/episodes/{episode}/rerun", responses={409: {"description": "Not installed."}})
    def show(dataset: DatasetId, episode: EpisodeId) -> Shown:
        """Open an episode in Rerun, through LeRobot's own visualiser; on this machine alone."""
        index = on_this_machine(desk.indexes.of(desk.catalog.get(dataset)))
        index.row(episode)
        return Shown(url=desk.rerun.open(index.root, episode))

    @router.post("/runs/{run}/stop")
    def stop(run: RunId) -> Said:
        """Ask for the end of a run."""
        return Said(said=desk.runs.stop(run))

    return router


def on_this_machine(index: Index) -> Index:
    """The index, if its dataset is in a local folder.

    Raises:
        ElsewhereError: If not.
    """
    if not index.entry.place.replaces:
        raise ElsewhereError(index.entry.uri)
    return index
