"""Videos as browsers ask for them: in byte ranges, so that an episode plays from within a shared file at once."""

import io
import re
from pathlib import Path
from typing import BinaryIO

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from .coloured import Coloured
from .episodes import Index
from .places import FolderPlace, Place

PIECE = 4 << 20  # bytes of one answer from Blob Storage; a browser asks on
RANGE = re.compile(r"bytes=(\d{1,15})-(\d{0,15})")
HEADERS = {"Cache-Control": "private, no-cache", "Accept-Ranges": "bytes"}


def video(request: Request, index: Index, episode: int, camera: str, coloured: Coloured) -> Response:
    """The video file an episode is in, of depth the episode in colours; or the part of it that is asked for.

    Raises:
        UnknownError: If there is no such episode, camera or file.
        OutsideError: If the dataset names a file elsewhere.
    """
    file, entry = index.video(episode, camera), index.entry
    if index.info.features[camera].is_depth:
        return _part(request, io.BytesIO(coloured.of(index, episode, camera)))
    return served(request, entry.place, entry.path, file)


def served(request: Request, place: Place, name: str, file: Path) -> Response:
    """A video of a place, or the part of it that is asked for; errors as of `video`."""
    if isinstance(place, FolderPlace):
        return FileResponse(place.local(name, file), media_type="video/mp4", headers=HEADERS)
    with place.open(name, file) as opened:
        return _part(request, opened)


def _part(request: Request, file: BinaryIO) -> Response:
    """The piece of a file that is asked for."""
    size = file.seek(0, io.SEEK_END)
    first, last = _range(request.headers.get("range"), size)
    if first > last:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{size}"})
    file.seek(first)
    content = file.read(last - first + 1)
    headers = {**HEADERS, "Content-Range": f"bytes {first}-{first + len(content) - 1}/{size}"}
    return Response(content, 206, headers, "video/mp4")


def _range(header: str | None, size: int) -> tuple[int, int]:
    """First and last byte of a piece. Source: RFC 9110, section 14.2; a server may send less than it is asked for."""
    match = RANGE.fullmatch(header or "")
    first = int(match[1]) if match else 0
    last = int(match[2]) if match and match[2] else size - 1
    return first, min(last, size - 1, first + PIECE - 1)
