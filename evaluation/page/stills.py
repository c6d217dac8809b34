"""Pictures from the film: one to show before it is played, and the end of each filmed failure."""

import base64
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.contracts import EpisodeOutcome

from ..errors import FilmError
from ..sil.film import read_film, split

type Picture = NDArray[np.uint8]
"""RGB, shape (height, width, 3)."""


class Still(NamedTuple):
    """How a filmed failure ended."""

    condition: int
    final_error_m: float | None
    picture: str
    """Data URI."""


class Stills(NamedTuple):
    """What a page shows of a film without playing it."""

    poster: str
    failures: tuple[Still, ...]


def stills(film: Path, episodes: tuple[EpisodeOutcome, ...]) -> Stills:
    """Take them; the film shows the first episodes, one a tile.

    Args:
        film: Of the candidate.
        episodes: Its outcomes, in the order of the conditions.

    Raises:
        FilmError: If it cannot be read.
    """
    frames, _ = read_film(film)
    tiles = split(film, frames)
    failed = tuple(
        Still(episode.condition, episode.kpis.get("final_error_m"), png(tile[-1]))
        for episode, tile in zip(episodes, tiles, strict=False)
        if not episode.success
    )
    return Stills(png(frames[0]), failed)


def stills_if_readable(film: Path, episodes: tuple[EpisodeOutcome, ...]) -> Stills | None:
    """Likewise; None for a film of another form, which the page still plays."""
    try:
        return stills(film, episodes)
    except FilmError:
        return None


def png(picture: Picture) -> str:
    """A picture as a data URI."""
    encoder = av.CodecContext.create("png", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.height, encoder.width = picture.shape[:2]
    encoder.pix_fmt, encoder.time_base = "rgb24", Fraction(1, 1)
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
    content = b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"
