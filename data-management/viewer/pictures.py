"""Still pictures of episodes, for lists."""

import io
from fractions import Fraction
from functools import lru_cache

import av
from PIL import Image

from physai.infrastructure.datasets.depth import picture
from physai.infrastructure.datasets.errors import TornFileError
from physai.infrastructure.datasets.video import codes_in

from .episodes import Index

WIDTH = 320  # px
QUALITY = 80  # of JPEG


class Pictures:
    """Pictures that were asked for last are kept."""

    def __init__(self) -> None:
        self._kept = lru_cache(maxsize=512)(_picture)

    def of(self, index: Index, episode: int, camera: str, share: float) -> bytes:
        """A frame as a JPEG, at most 320 pixels wide.

        Args:
            index: Of the dataset.
            episode: Its index.
            camera: Its name.
            share: Of the episode that lies before the frame, 0 to 1.

        Raises:
            UnknownError: If there is no such episode or camera.
            TornFileError: If the video cannot be read.
        """
        return self._kept(index, episode, camera, share)


def _picture(index: Index, episode: int, camera: str, share: float) -> bytes:
    path = index.video(episode, camera)
    rows, start = index.lengths[episode], round(index.start_s(episode, camera) * index.info.fps)
    at = Fraction(start + min(rows - 1, int(share * rows)), index.info.fps)
    with index.entry.place.open(index.entry.path, path) as file:
        try:
            with av.open(file, "r") as container:
                stream = container.streams.video[0]
                assert stream.time_base is not None
                container.seek(round(at / stream.time_base), stream=stream)
                half = Fraction(1, 2 * index.info.fps)
                for frame in container.decode(stream):
                    if frame.pts is not None and frame.pts * stream.time_base >= at - half:
                        return _jpeg(frame, is_depth=index.info.features[camera].is_depth)
        except av.FFmpegError as error:
            raise TornFileError(path, error) from error
    raise TornFileError(path, f"no frame at {float(at):.3f} s")


def _jpeg(frame: av.VideoFrame, *, is_depth: bool) -> bytes:
    image = Image.fromarray(picture(codes_in(frame)) if is_depth else frame.to_ndarray(format="rgb24"))
    image.thumbnail((WIDTH, WIDTH))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()
