"""The API of curating: previews, edits, undo."""

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Path

from ..errors import NothingToUndoError
from ..tools.versions import UndoPoint
from .browse import DatasetId
from .edits import Apply, EditBody, Preview, carry_out, preview
from .episodes import Index
from .errors import ChangedError
from .places import Entry
from .works import Track, Work

if TYPE_CHECKING:
    from .service import Desk


def routes(desk: "Desk") -> APIRouter:
    """For admins."""
    from .service import Who

    router = APIRouter(prefix="/api/datasets/{dataset}", tags=["curate"])

    def opened(dataset: str) -> Index:
        return desk.indexes.of(desk.catalog.get(dataset))

    def others(body: EditBody) -> dict[str, Index]:
        return {other: desk.indexes.of(desk.catalog.get(other)) for other in body.others}

    @router.post("/preview")
    def look(dataset: DatasetId, body: EditBody) -> Preview:
        """What an edit would change; nothing is."""
        return preview(opened(dataset), desk.facts, body, others(body))

    @router.post("/edit", status_code=202)
    def apply(dataset: DatasetId, body: Apply, who: Who) -> Work:
        """Carry out an edit that was looked at."""
        index, with_them = opened(dataset), others(body)
        seen = preview(index, desk.facts, body, with_them)
        if seen.version != body.version:
            raise ChangedError(index.entry.name)

        def act(_: Track) -> tuple[str, str]:
            reports = carry_out(index, desk.facts, body, with_them, who.name)
            desk.catalog.forget()
            total = sum(report.episodes for report in reports)
            encoded = sum(report.encoded_frames for report in reports)
            note = f"; {encoded} frames were encoded again" if encoded else ""
            link = f"/datasets/{dataset}" if seen.replaces else "/"
            return f"{body.operation}: {total} episodes in {', '.join(part.name for part in seen.after)}{note}", link

        return desk.works.start(f"{body.operation.capitalize()} in {index.entry.name}", dataset, who.name, act)

    @router.get("/undo")
    def points(dataset: DatasetId) -> list[UndoPoint]:
        """What can be undone, the last first."""
        entry = desk.catalog.get(dataset)
        return entry.place.undo_points(entry.path)

    @router.post("/undo", status_code=202)
    def back(dataset: DatasetId, who: Who) -> Work:
        """Undo the last edit: what it replaced comes back; in a container, the dataset that it made goes."""
        entry = desk.catalog.get(dataset)
        if not entry.place.undo_points(entry.path):
            raise NothingToUndoError(entry.uri)

        return desk.works.start(f"Undo in {entry.name}", dataset, who.name, lambda _: _undone(desk, entry))

    return router


def _undone(desk: "Desk", entry: Entry) -> tuple[str, str]:
    """Undo, then say how many episodes are there, and where."""
    before = entry.place.undo(entry.path)
    desk.catalog.forget()
    there = [each for each in desk.catalog.entries() if each.uri in before]
    total = sum(desk.indexes.of(each).count for each in there)
    return f"{total} episodes are there as before", f"/datasets/{there[0].id}" if there else "/"


def work_routes(desk: "Desk") -> APIRouter:
    """Following work, for everyone."""
    router = APIRouter(prefix="/api/works", tags=["works"])

    @router.get("")
    def works() -> list[Work]:
        """What is going on and what was done, the newest first."""
        return list(desk.works.list())

    @router.get("/{work}")
    def work(work: Annotated[str, Path(pattern="^[0-9a-f]{16}$")]) -> Work:
        """How far one piece of work is."""
        return desk.works.get(work)

    return router
