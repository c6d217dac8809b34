"""H.264 and H.265 go into the dataset as they were recorded, where each row shows exactly one frame, in order."""

from array import array
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

from physai.infrastructure.datasets.stats import ImageCounts, sample_indices

from .images import CODECS
from .proof import Proof


def can_copy(shown: NDArray[np.intp], keyframes: "array[int]") -> bool:
    """Whether rows show consecutive frames, each once, the first a keyframe."""
    return bool(len(shown)) and bool((np.diff(shown) == 1).all()) and bool(keyframes[int(shown[0])])


class StreamCopy:
    """The packets of one episode on their way into an MP4."""

    def __init__(self, path: Path, rows: int, fps: int) -> None:
        self.path, self.rows = path, rows
        self.counts = ImageCounts()
        self.proof = Proof(rows)
        self.proof.exact = True
        self._fps = fps
        self._stream = path.with_suffix(".annexb")
        self._file = self._stream.open("wb")
        self._format = ""

    def add(self, message: Any) -> None:
        """Take the next packet."""
        self._format = CODECS[message.format]
        self._file.write(message.data.tobytes())

    def close(self) -> None:
        """Write the MP4, and look at its frames."""
        self._file.close()
        self._mux()
        self._look()
        self._stream.unlink()

    def abandon(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _mux(self) -> None:
        with (
            closing(av.open(str(self._stream), format=self._format)) as source,
            closing(av.open(str(self.path), "w", format="mp4")) as target,
        ):
            template = source.streams.video[0]
            stream = target.add_stream_from_template(template, opaque=True)
            assert isinstance(stream, VideoStream)
            ticks = 90_000 // self._fps * self._fps  # divisible by the rate, so that every frame has a whole time
            for row, packet in enumerate(p for p in source.demux(template) if p.size):
                packet.time_base = Fraction(1, ticks)
                packet.pts = packet.dts = row * (ticks // self._fps)
                packet.duration = ticks // self._fps
                packet.stream = stream
                target.mux(packet)

    def _look(self) -> None:
        """Statistics and samples, from the stream as it was recorded."""
        looked_at = set(sample_indices(self.rows).tolist())
        with closing(av.open(str(self._stream), format=self._format)) as source:
            for row, frame in enumerate(source.decode(source.streams.video[0])):
                if row in looked_at or row in self.proof.rows:
                    picture = frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)
                    if row in looked_at:
                        self.counts.add(picture)
                    self.proof.keep(row, picture)
