"""The video files of one camera in an edited dataset: packets are copied, and files that stay whole are linked.

A cut that falls inside a group of pictures (GOP) has no keyframe to start from, so the kept frames of that one GOP are
encoded again, and only they; the result says how many. Where the new packets cannot share a stream with the old ones
(another encoder made those), the kept frames of that episode are encoded again as a whole, in a file of their own.
"""

import io
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate, groupby, pairwise, zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

from physai.infrastructure.datasets import depth, video
from physai.infrastructure.datasets.files import FileNumber
from physai.infrastructure.datasets.info import Info

ENCODERS = {"h264": "libx264", "hevc": "libx265"}
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


class Run(NamedTuple):
    """Episodes that follow one another in one file."""

    path: Path
    start: int
    """The first frame."""
    lengths: tuple[int, ...]
    """Frames of each episode."""

    @property
    def frames(self) -> int:
        """How many."""
        return sum(self.lengths)

    @property
    def cuts(self) -> list[Range]:
        """The frames of each episode."""
        starts = accumulate(self.lengths, initial=self.start)
        return [Range(self.path, start, length) for start, length in zip(starts, self.lengths, strict=False)]

    def is_copyable(self, fps: int) -> bool:
        """Whether it can be decoded from its own packets alone."""
        return packet_index(self.path, fps).copyable(self.start, self.start + self.frames)


class CameraFiles:
    """Writes the video files of one camera."""

    def __init__(self, root: Path, info: Info, camera: str) -> None:
        """Prepare to write.

        Args:
            root: Of the dataset.
            info: Says how files are named and when they are full.
            camera: Its feature.
        """
        self._root, self._info, self._camera = root, info, camera
        self._number = FileNumber(info.chunks_size)
        self._used = False
        self._open: video.VideoFile | None = None
        self.encoded = 0
        """Frames that were encoded again."""

    def write(self, cuts: Sequence[Range], done: Callable[[int], None]) -> list[dict[str, Any]]:
        """Write the frames of all episodes in order.

        Args:
            cuts: One per episode.
            done: Is told of episodes that are written.

        Returns:
            What each episode's row in the episodes file says of them.
        """
        rows: list[dict[str, Any]] = []
        for path, in_file in groupby(cuts, lambda cut: cut.path):
            runs = list(_runs(list(in_file)))
            if len(runs) == 1 and _is_whole(runs[0], self._info.fps):
                rows += self._link(runs[0])
                done(len(runs[0].lengths))
                continue
            for copyable, group in groupby(runs, lambda run: run.is_copyable(self._info.fps)):
                alike = list(group)
                rows += self._copy(path, alike, done) if copyable else self._cut_all(alike, done)
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
        path = self._root / (self._info.video_path or "").format(video_key=self._camera, **self._number.fields)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _link(self, run: "Run") -> list[dict[str, Any]]:
        self.close()
        link_file(run.path, self._next())
        return self._rows(0, run.lengths)

    def _copy(self, path: Path, runs: Sequence["Run"], done: Callable[[int], None]) -> list[dict[str, Any]]:
        rows = self._append(path, [(run.start, run.frames) for run in runs], [n for run in runs for n in run.lengths])
        done(len(rows))
        return rows

    def _append(
        self, source: video.Source, spans: Sequence[tuple[int, int]], lengths: Sequence[int]
    ) -> list[dict[str, Any]]:
        """Copy spans of one video, in which episodes of these lengths lie one after the other."""
        if self._open is not None and (self._is_full(source, sum(lengths)) or not self._open.accepts(source)):
            self.close()
        if self._open is None:
            self._open = video.VideoFile(self._next(), self._info.fps)
        first = self._open.frames
        self._open.append_all(source, spans)
        return self._rows(first, lengths)

    def _is_full(self, source: video.Source, frames: int) -> bool:
        """Whether frames of a video would make the open file too large, if all of its frames are equally large."""
        assert self._open is not None
        size = source.stat().st_size if isinstance(source, Path) else source.getbuffer().nbytes
        share = frames / max(video.count_frames(source), frames)
        return self._open.size_mb + size * share / 2**20 > self._info.video_files_size_in_mb

    def _cut_all(self, runs: Iterable["Run"], done: Callable[[int], None]) -> list[dict[str, Any]]:
        rows = []
        for run in runs:
            for cut in run.cuts:
                rows += self._cut(cut)
                done(1)
        return rows

    def _cut(self, cut: Range) -> list[dict[str, Any]]:
        """One episode whose bounds may lie inside a group of pictures."""
        fps = self._info.fps
        index = packet_index(cut.path, fps)
        if index.copyable(cut.start, cut.start + cut.length):
            return self._append(cut.path, [(cut.start, cut.length)], [cut.length])
        spliced = _splice(cut, index, fps)
        if spliced is None:
            self.encoded += cut.length
            return self._append(_encode(cut, fps), [(0, cut.length)], [cut.length])
        encoded, clip = spliced
        self.encoded += encoded
        return self._append(clip, [(0, cut.length)], [cut.length])

    def _rows(self, first: int, lengths: Sequence[int]) -> list[dict[str, Any]]:
        """What the episodes file says of episodes that follow one another from a frame of the file on."""
        bounds = [bound / self._info.fps for bound in accumulate(lengths, initial=first)]
        number = {f"videos/{self._camera}/{name}": value for name, value in self._number.fields.items()}
        begin, end = (f"videos/{self._camera}/{name}_timestamp" for name in ("from", "to"))
        return [number | {begin: start, end: stop} for start, stop in pairwise(bounds)]


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


def _runs(cuts: Sequence[Range]) -> Iterator[Run]:
    """Cuts of one file, those that follow one another together."""
    lengths: list[int] = []
    for cut, after in zip_longest(cuts, cuts[1:]):
        lengths.append(cut.length)
        end = cut.start + cut.length
        if after is None or after.start != end:
            yield Run(cut.path, end - sum(lengths), tuple(lengths))
            lengths = []


def _is_whole(run: Run, fps: int) -> bool:
    if run.start != 0 or video.count_frames(run.path) != run.frames:
        return False
    return bool(np.array_equal(np.sort(packet_index(run.path, fps).frame), np.arange(run.frames)))


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
    """Encode frames again, with the codec they are in; depth without loss."""
    with video.opened(cut.path) as container:
        stream = container.streams.video[0]
        codec, pix_fmt, height, width = stream.codec.canonical_name, stream.pix_fmt, stream.height, stream.width
    frames = video.walk(cut.path, cut.start, cut.length, fps)
    buffer = io.BytesIO()
    is_depth = pix_fmt == depth.PIX_FMT
    if is_depth or codec not in ENCODERS:
        with video.ClipEncoder(buffer, fps, height, width, crf=CRF, is_depth=is_depth) as encoder:
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
