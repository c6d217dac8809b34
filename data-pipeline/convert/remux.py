"""H.264 and H.265 go into the dataset as they were recorded, where each row shows exactly one frame, in order."""

import hashlib
from array import array
from collections.abc import Iterable, Iterator
from contextlib import closing
from fractions import Fraction
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import Any, override

import av
import numpy as np
from av import Packet
from av.container import OutputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from physai.infrastructure.datasets.stats import ImageCounts, sample_indices

from .errors import FrameLossError
from .film import Colours
from .images import CODECS, units
from .proof import Clip, check_times


def can_copy(shown: NDArray[np.intp], keyframes: "array[int]") -> bool:
    """Whether rows show consecutive frames, each once, the first a keyframe."""
    return bool(len(shown)) and bool((np.diff(shown) == 1).all()) and bool(keyframes[int(shown[0])])


class StreamCopy(Clip):
    """The packets of one episode on their way into an MP4; nothing is decoded but keyframes, for the statistics."""

    def __init__(self, path: Path, rows: int, fps: int) -> None:
        super().__init__(path, rows, fps)
        self._film = Colours()
        self.counts: ImageCounts = self._film.counts()
        self._ticks = 90_000 // fps * fps  # divisible by the rate, so that every frame has a whole time
        self._container: OutputContainer | None = None
        self._stream: VideoStream | None = None
        self._digests: list[bytes] = []
        self._keyframes: list[int] = []

    def add(self, message: Any, *, is_keyframe: bool) -> None:
        """Take the next packet."""
        data = message.data.tobytes()
        if self._container is None:
            self._container = av.open(str(self.path), "w", format="mp4")
            with closing(av.open(BytesIO(data), format=CODECS[message.format])) as source:
                stream = self._container.add_stream_from_template(source.streams.video[0], opaque=True)
            assert isinstance(stream, VideoStream)
            self._stream = stream
        row = len(self._digests)
        assert self._stream is not None
        packet = Packet(data)
        packet.stream = self._stream
        packet.time_base = Fraction(1, self._ticks)
        packet.pts = packet.dts = row * (self._ticks // self.fps)
        packet.duration = self._ticks // self.fps
        if is_keyframe:
            packet.is_keyframe = True
            self._keyframes.append(row)
        self._container.mux(packet)
        self._digests.append(_digest(units(data)))

    @override
    def close(self) -> None:
        """Write the end of the file, and look at some of its frames."""
        self.abandon()
        if len(self._keyframes) * self.fps >= self.rows:  # one a second tells as much, and needs no other frame
            wanted = [self._keyframes[number] for number in sample_indices(len(self._keyframes))]
            self._look(wanted, set(wanted))
        else:
            self._look(sample_indices(self.rows).tolist(), set(range(self.rows)))

    def _look(self, wanted: list[int], needed: set[int]) -> None:
        """Take the frames of some rows into the statistics, decoding what is needed for them."""
        shown = set(wanted)
        with closing(av.open(str(self.path))) as source:
            stream = source.streams.video[0]
            packets = (packet for row, packet in enumerate(source.demux(stream)) if row in needed or not packet.size)
            frames = chain.from_iterable(map(stream.codec_context.decode, packets))
            for row, frame in zip(
                sorted(needed), frames, strict=False
            ):  # one that cannot be decoded is copied as it is
                if row in shown:
                    self.counts.add(self._film.values(frame))

    @override
    def abandon(self) -> None:
        """Let go of the file."""
        if self._container is not None:
            self._container.close()
            self._container = None

    @override
    def check(self, recording: Path, episode: int, camera: str) -> None:
        """Compare the time of every frame, and every bit of it, with what was recorded."""
        check_times(self, recording, episode, camera)
        with closing(av.open(str(self.path))) as source:
            packets = (bytes(packet) for packet in source.demux(source.streams.video[0]) if packet.size)
            for row, (data, digest) in enumerate(zip(packets, self._digests, strict=True)):
                if _digest(_mp4_units(data)) != digest:
                    raise FrameLossError(recording, episode, camera, row, "copied frame differs from its source")


def _digest(parts: Iterable[bytes]) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(4) + part)
    return digest.digest()


def _mp4_units(data: bytes) -> Iterator[bytes]:
    """Units of a packet in an MP4, each after its length in 4 bytes. Source: ISO/IEC 14496-15, 4.3.2."""
    at = 0
    while at < len(data):
        end = at + 4 + int.from_bytes(data[at : at + 4])
        yield data[at + 4 : end].rstrip(b"\0")
        at = end
