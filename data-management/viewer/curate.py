"""The API of curating: previews, edits, undo."""

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Path

from ..tools.versions import UndoPoint, undo, undo_points
from .browse import DatasetId
from .edits import Apply, EditBody, Preview, carry_out, preview
from .episodes import Index
from .errors import ChangedError, ReadOnlyError
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
        """What can be brought back, the last first."""
        index = opened(dataset)
        return undo_points(index.root) if index.entry.place.replaces else []

    @router.post("/undo", status_code=202)
    def back(dataset: DatasetId, who: Who) -> Work:
        """Bring the dataset back as it was before the last edit."""
        index = on_this_machine(opened(dataset))

        def act(_: Track) -> tuple[str, str]:
            restored = undo(index.root)
            desk.catalog.forget()
            return f"{restored.num_episodes} episodes are back", f"/datasets/{dataset}"

        return desk.works.start(f"Undo in {index.entry.name}", dataset, who.name, act)

    return router


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


def on_this_machine(index: Index) -> Index:
    """The index, if its dataset is in a local folder.

    Raises:
        ReadOnlyError: If not.
    """
    if not index.entry.place.replaces:
        raise ReadOnlyError(index.entry.uri)
    return index
