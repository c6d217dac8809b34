"""Depth as colours, which browsers can show: a clip of one episode, made when it is first asked for."""

import io
from functools import lru_cache
from threading import Lock

import av

from physai.infrastructure.datasets.depth import picture
from physai.infrastructure.datasets.video import ClipEncoder, codes_in, walk

from .episodes import Index

KEPT = 16  # clips in memory


class Coloured:
    """Clips that were asked for last are kept."""

    def __init__(self) -> None:
        self._kept = lru_cache(maxsize=KEPT)(_coloured)
        self._lock = Lock()  # a browser asks for several parts of a clip at once

    def of(self, index: Index, episode: int, camera: str) -> bytes:
        """An MP4 of an episode of a depth camera, from violet (near) to yellow (far), black where nothing was measured.

        Raises:
            UnknownError: If there is no such episode or camera.
            DatasetError: If the video cannot be read.
        """
        with self._lock:
            return self._kept(index, episode, camera)


def _coloured(index: Index, episode: int, camera: str) -> bytes:
    path, fps = index.video(episode, camera), index.info.fps
    height, width = index.info.features[camera].shape[:2]
    start = round(index.start_s(episode, camera) * fps)
    buffer = io.BytesIO()
    with (
        index.entry.place.open(index.entry.path, path) as file,
        ClipEncoder(buffer, fps, height, width) as encoder,
    ):
        for frame in walk(file, start, index.lengths[episode], fps, episode):
            encoder.add(av.VideoFrame.from_ndarray(picture(codes_in(frame)), format="rgb24"))
    return buffer.getvalue()
