"""The API of judging: what people say of episodes, scores, and the faults that validation finds."""

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Path
from pydantic import Field

from physai.infrastructure.contracts import Contract

from ..annotations import LONGEST, Annotations, Marks, UndoneAct
from ..journal import Kind
from ..tools.checks import Limits
from ..tools.validate import validate
from .browse import BODY, DatasetId, EpisodeId
from .works import Track, Work

if TYPE_CHECKING:
    from .service import Desk

Text = Annotated[str, Field(min_length=1, max_length=LONGEST)]
Number = Annotated[int, Field(ge=0, le=2**31 - 1)]


class Saying(Contract):
    """Something to say of an episode."""

    model_config = BODY

    kind: Kind
    value: Text
    from_row: Number | None = None
    """Of a subtask: its first row within the episode."""
    to_row: Number | None = None
    """Of a subtask: the row after its last."""


class Removal(Contract):
    """A label to take off."""

    model_config = BODY

    label: Text


def routes(desk: "Desk") -> APIRouter:
    """For annotators."""
    from .service import Who

    router = APIRouter(prefix="/api/datasets/{dataset}", tags=["judge"])

    def store(dataset: str) -> Annotations:
        return desk.indexes.of(desk.catalog.get(dataset)).annotations

    @router.post("/episodes/{episode}/annotations")
    def say(dataset: DatasetId, episode: EpisodeId, body: Saying, who: Who) -> Marks:
        """Say something of an episode; a category, rating or review replaces the one before."""
        rows = None if body.from_row is None or body.to_row is None else (body.from_row, body.to_row)
        said = store(dataset)
        said.add(episode, body.kind, body.value, author=who.name, rows=rows)
        return said.marks(episode)

    @router.post("/episodes/{episode}/annotations/remove-label")
    def take_off(dataset: DatasetId, episode: EpisodeId, body: Removal, who: Who) -> Marks:
        """Take a label off an episode; the history keeps it."""
        said = store(dataset)
        said.remove_label(episode, body.label, author=who.name)
        return said.marks(episode)

    @router.delete("/episodes/{episode}/annotations/{annotation}")
    def take_back(
        dataset: DatasetId,
        episode: EpisodeId,
        annotation: Annotated[str, Path(pattern="^[0-9A-Za-z-]{1,80}$")],
        who: Who,
    ) -> Marks:
        """Take back a comment, a subtask or anything else of this episode by its id; the history keeps it."""
        said = store(dataset)
        said.remove(episode, annotation, author=who.name)
        return said.marks(episode)

    @router.post("/annotations/undo")
    def undo(dataset: DatasetId, who: Who) -> UndoneAct:
        """Undo the last thing that this person said or took back in the dataset, here or by command."""
        return store(dataset).undo(author=who.name)

    @router.post("/quality", status_code=202)
    def judge(dataset: DatasetId, who: Who) -> Work:
        """Score every episode."""
        index = desk.indexes.of(desk.catalog.get(dataset))

        def act(track: Track) -> tuple[str, str]:
            report = desk.facts.judge(index, track)
            return f"{len(report.episodes)} episodes are judged", f"/datasets/{dataset}#quality"

        return desk.works.start(f"Judging {index.entry.name}", dataset, who.name, act)

    @router.post("/validation", status_code=202)
    def check(dataset: DatasetId, who: Who) -> Work:
        """Look for faults in every episode, every frame decoded."""
        index = desk.indexes.of(desk.catalog.get(dataset))

        def act(track: Track) -> tuple[str, str]:
            with index.entry.whole() as root:
                report = validate(root, Limits(), track)
            desk.validations[dataset] = (index.mark, report)
            found = f"{len(report.findings)} findings" if report.findings else "no fault was found"
            return f"{report.episodes} episodes: {found}", f"/datasets/{dataset}#validation"

        return desk.works.start(f"Validating {index.entry.name}", dataset, who.name, act)

    return router
