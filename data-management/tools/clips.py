"""The video files of one camera in an edited dataset: packets are copied, and files that stay whole are linked.

A cut that falls inside a group of pictures (GOP) has no keyframe to start from, so the kept frames of that one GOP are
encoded again, and only they; the result says how many. Where the new packets cannot share a stream with the old ones
(another encoder made those), the kept frames of that episode are encoded again as a whole, in a file of their own.
"""

import io
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

from physai.infrastructure.datasets import video
from physai.infrastructure.datasets.files import FileNumber

ENCODERS = {"av1": "libsvtav1", "h264": "libx264", "hevc": "libx265"}
CRF = 18  # of frames that are encoded a second time: close to invisible


class Range(NamedTuple):
    """Consecutive frames of one file."""

    path: Path
    start: int
    length: int


class PacketIndex(NamedTuple):
    """The packets of a file in decoding order."""

    frame: NDArray[np.int64]
    """Number of the frame in the order of showing."""
    key: NDArray[np.bool_]

    def copyable(self, start: int, end: int) -> bool:
        """Whether frames [start, end) can be decoded from their own packets alone."""
        first = np.flatnonzero(self.key & (self.frame == start))
        if not first.size:
            return False
        inside = (self.frame >= start) & (self.frame < end)
        inside[: first[0]] = False
        last = np.flatnonzero(inside)[-1]
        between = self.frame[first[0] : last + 1]
        return bool(inside.sum() == end - start and (between < end).all())

    def keys(self, start: int, end: int) -> list[int]:
        """Frames in (start, end) that are keyframes."""
        return sorted(int(f) for f in self.frame[self.key & (self.frame > start) & (self.frame < end)])


class CameraFiles:
    """Writes the video files of one camera."""

    def __init__(self, root: Path, template: str, camera: str, *, fps: int, limit_mb: int, per_chunk: int) -> None:
        """Prepare to write.

        Args:
            root: Of the dataset.
            template: `video_path` of its info.
            camera: Its feature.
            fps: Frames per second.
            limit_mb: Size at which a file is full.
            per_chunk: Files in a chunk folder.
        """
        self._root, self._template, self._camera = root, template, camera
        self._fps, self._limit_mb = fps, limit_mb
        self._number = FileNumber(per_chunk)
        self._used = False
        self._open: video.VideoFile | None = None
        self.encoded = 0
        """Frames that were encoded again."""

    def write(self, cuts: Sequence[Range]) -> list[dict[str, Any]]:
        """Write the frames of all episodes in order.

        Returns:
            What each episode's row in the episodes file says of them.
        """
        rows: list[dict[str, Any]] = []
        for group in _groups(cuts):
            whole = Range(group[0].path, group[0].start, sum(cut.length for cut in group))
            if _is_whole(whole, self._fps):
                rows += self._link(group)
            elif packet_index(whole.path, self._fps).copyable(whole.start, whole.start + whole.length):
                rows += self._append(whole.path, whole.start, [cut.length for cut in group])
            else:
                rows += [row for cut in group for row in self._cut(cut)]
        self.close()
        return rows

    def close(self) -> None:
        """Close the open file and read it back."""
        if self._open is not None:
            self._open.close()
            self._open.verify()
            self._open = None

    def _next(self) -> Path:
        if self._used:
            self._number.count += 1
        self._used = True
        path = self._root / self._template.format(video_key=self._camera, **self._number.fields)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _link(self, group: Sequence[Range]) -> list[dict[str, Any]]:
        self.close()
        link_file(group[0].path, self._next())
        return [self._row(cut.start, cut.length) for cut in group]

    def _append(self, source: video.Source, start: int, lengths: Sequence[int]) -> list[dict[str, Any]]:
        if self._open is not None and (self._open.size_mb >= self._limit_mb or not self._open.accepts(source)):
            self.close()
        if self._open is None:
            self._open = video.VideoFile(self._next(), self._fps)
        first = self._open.frames
        self._open.append(source, start, sum(lengths))
        starts = [first + sum(lengths[:i]) for i in range(len(lengths))]
        return [self._row(start, length) for start, length in zip(starts, lengths, strict=True)]

    def _cut(self, cut: Range) -> list[dict[str, Any]]:
        """One episode whose bounds may lie inside a group of pictures."""
        end = cut.start + cut.length
        index = packet_index(cut.path, self._fps)
        if index.copyable(cut.start, end):
            return self._append(cut.path, cut.start, [cut.length])
        spliced = _splice(cut, index, self._fps)
        if spliced is None:
            self.encoded += cut.length
            return self._append(_encode(cut, self._fps), 0, [cut.length])
        encoded, clip = spliced
        self.encoded += encoded
        return self._append(clip, 0, [cut.length])

    def _row(self, start: int, length: int) -> dict[str, Any]:
        times = {"from_timestamp": start / self._fps, "to_timestamp": (start + length) / self._fps}
        return {f"videos/{self._camera}/{name}": value for name, value in {**self._number.fields, **times}.items()}


def packet_index(path: Path, fps: int) -> PacketIndex:
    """The packets of a file, without decoding.

    Raises:
        TornFileError: If the file cannot be read.
    """
    state = path.stat()
    return _packet_index(path, fps, (state.st_ino, state.st_mtime_ns))


@lru_cache(maxsize=64)
def _packet_index(path: Path, fps: int, state: tuple[int, int]) -> PacketIndex:  # noqa: ARG001 the key of the cache
    with video.opened(path) as container:
        stream = container.streams.video[0]
        assert stream.time_base is not None
        packets = [
            (round(p.pts * stream.time_base * fps), p.is_keyframe) for p in container.demux(stream) if p.pts is not None
        ]
    frames, keys = zip(*packets, strict=True) if packets else ((), ())
    return PacketIndex(np.array(frames, np.int64), np.array(keys, np.bool_))


def link_file(source: Path, target: Path) -> None:
    """Give a file a second name; where the disk cannot, copy it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with suppress(OSError):
        os.link(source, target)
        return
    shutil.copy2(source, target)


def _groups(cuts: Sequence[Range]) -> Iterator[list[Range]]:
    """Runs of cuts that follow each other in one file."""
    group = [cuts[0]]
    for last, cut in pairwise(cuts):
        if cut.path == last.path and cut.start == last.start + last.length:
            group.append(cut)
        else:
            yield group
            group = [cut]
    yield group


def _is_whole(cut: Range, fps: int) -> bool:
    if cut.start != 0 or video.count_frames(cut.path) != cut.length:
        return False
    frames = packet_index(cut.path, fps).frame
    return bool(np.array_equal(np.sort(frames), np.arange(cut.length)))


def _splice(cut: Range, index: PacketIndex, fps: int) -> tuple[int, io.BytesIO] | None:
    """Frames of incomplete GOPs encoded again, the packets between them copied; None if they cannot share a stream.

    Returns:
        Number of frames that were encoded again, and the clip.
    """
    start, end = cut.start, cut.start + cut.length
    keys = ([start] if index.copyable(start, start + 1) else []) + index.keys(start, end)
    bodies = [(a, b) for a in keys[:1] for b in (end, *reversed(keys)) if b > a and index.copyable(a, b)]
    if not bodies:
        return None
    first, last = bodies[0]
    parts: list[tuple[video.Source, int, int]] = [(cut.path, first, last - first)]
    if first > start:
        parts.insert(0, (_encode(Range(cut.path, start, first - start), fps), 0, first - start))
    if last < end:
        parts.append((_encode(Range(cut.path, last, end - last), fps), 0, end - last))
    clip = io.BytesIO()
    with video.VideoFile(clip, fps) as file:
        for part in parts:
            if not file.accepts(part[0]) or _delay(part[0]) != _delay(cut.path):
                return None
            file.append(*part)
    return cut.length - (last - first), clip


def _delay(source: video.Source) -> int:
    """By how much the first packet is decoded before it is shown, in units of the stream's time base."""
    with video.opened(source) as container:
        packet = next(container.demux(container.streams.video[0]))
        return (packet.pts or 0) - (packet.dts or 0)


def _encode(cut: Range, fps: int) -> io.BytesIO:
    """Encode frames again, with the codec they are in."""
    with video.opened(cut.path) as container:
        stream = container.streams.video[0]
        codec, pix_fmt, height, width = stream.codec.canonical_name, stream.pix_fmt, stream.height, stream.width
    frames = video.walk(cut.path, cut.start, cut.length, fps)
    buffer = io.BytesIO()
    if codec not in ENCODERS or codec == "av1":
        with video.ClipEncoder(buffer, fps, height, width, crf=CRF) as encoder:
            for frame in frames:
                encoder.add(frame)
    else:
        _encode_other(buffer, frames, ENCODERS[codec], fps, (height, width), pix_fmt)
    buffer.seek(0)
    return buffer


def _encode_other(
    buffer: io.BytesIO,
    frames: Iterator[av.VideoFrame],
    encoder: str,
    fps: int,
    size: tuple[int, int],
    pix_fmt: str | None,
) -> None:
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream(encoder, fps, options={"crf": str(CRF), "g": "2", "bf": "0"})
        assert isinstance(stream, VideoStream)
        stream.height, stream.width = size
        stream.pix_fmt = pix_fmt or video.PIX_FMT
        for number, frame in enumerate(frames):
            plain = frame.reformat(format=stream.pix_fmt)
            plain.pts, plain.time_base = number, Fraction(1, fps)
            plain.pict_type = av.video.frame.PictureType.NONE
            container.mux(stream.encode(plain))
        container.mux(stream.encode())
