"""Video of cameras: encode an episode, append it to a file without loss, decode it again.

An episode is encoded by itself, so it starts with a keyframe and its packets can be copied from file to file. Codec and
parameters are LeRobot's defaults: AV1 by SVT-AV1 (BSD licence; the faster x264 is GPL), a keyframe every 2 frames so
that any frame is decoded from at most one other. Depth is lossless HEVC by x265, as LeRobot's is (GPL; PyAV brings it).
"""

import hashlib
import io
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, Self

import av
import numpy as np
from av.video.frame import PictureType
from av.video.stream import VideoStream
from numpy.typing import NDArray

from ..scheduling import ordinary_priority
from . import depth
from .errors import FeatureError, FrameError, TornFileError

CODEC, DEPTH_CODEC = "libsvtav1", "libx265"
PIX_FMT = "yuv420p"
ENCODER: Mapping[str, Any] = {"g": 2, "crf": 30, "preset": 12, "fast_decode": 0}
TOLERANCE_S = 1e-4  # LeRobot's default tolerance between a row's time and its frame's

Source = Path | io.BytesIO

av.logging.set_libav_level(av.logging.PANIC)  # its errors reach us as exceptions; on stderr they only surround ours


def encode(frames: NDArray[np.uint8], fps: int) -> io.BytesIO:
    """Encode one episode as an MP4 in memory.

    Args:
        frames: Shape (T, height, width, 3), RGB.
        fps: Frames per second.
    """
    buffer = io.BytesIO()
    with ClipEncoder(buffer, fps, frames.shape[1], frames.shape[2]) as encoder:
        for frame in frames:
            encoder.add(av.VideoFrame.from_ndarray(frame, format="rgb24"))
    buffer.seek(0)
    return buffer


class ClipEncoder:
    """Encodes one episode frame by frame; holds a few frames, however long it is."""

    def __init__(
        self,
        target: Source,
        fps: int,
        height: int,
        width: int,
        threads: int = 0,
        crf: int | None = None,
        *,
        is_depth: bool = False,
    ) -> None:
        """Begin an MP4.

        Args:
            target: File, or buffer in memory.
            fps: Frames per second.
            height: Of a frame, in pixels.
            width: Of a frame, in pixels.
            threads: Of the encoder, as SVT-AV1's level of parallelism; 0: as it chooses.
            crf: How coarse, 0 to 63; by default LeRobot's.
            is_depth: Encode codes of depth without loss, in two threads, rather than colours.
        """
        codec, pix_fmt = (DEPTH_CODEC, depth.PIX_FMT) if is_depth else (CODEC, PIX_FMT)
        options = _depth_options() if is_depth else _colour_options(threads, crf)
        self.frames = 0
        """Added so far."""
        self._container = av.open(str(target) if isinstance(target, Path) else target, "w", format="mp4")
        stream = self._container.add_stream(codec, fps, options=options)
        assert isinstance(stream, VideoStream)
        stream.pix_fmt = pix_fmt
        stream.height, stream.width = height, width
        with ordinary_priority():
            stream.codec_context.open()
        self._stream = stream

    def add(self, frame: av.VideoFrame) -> None:
        """Encode the next frame, in any pixel format."""
        frame.pict_type = PictureType.NONE  # one out of a JPEG says "keyframe", and the encoder would obey
        frame.pts = self.frames
        frame.time_base = 1 / Fraction(self._stream.codec_context.framerate or 1)
        self._container.mux(self._stream.encode(frame))
        self.frames += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with closing(self._container):
            if kind is None:
                self._container.mux(self._stream.encode())


def encode_depth(frames: depth.DepthImage, fps: int) -> io.BytesIO:
    """Encode one episode of depth as an MP4 in memory.

    Args:
        frames: Shape (T, height, width), uint16 in mm or float32 in m.
        fps: Frames per second.
    """
    buffer = io.BytesIO()
    with ClipEncoder(buffer, fps, frames.shape[1], frames.shape[2], is_depth=True) as encoder:
        for frame in frames:
            encoder.add(av.VideoFrame.from_ndarray(depth.LEROBOT.codes(frame), format=depth.PIX_FMT))
    buffer.seek(0)
    return buffer


def describe(path: Path, fps: int, *, is_depth: bool = False) -> dict[str, Any]:
    """The `info` of a camera in `meta/info.json`, with the keys LeRobot writes."""
    encoder = depth.ENCODER if is_depth else ENCODER
    with opened(path) as container:
        stream = container.streams.video[0]
        return {
            "video.height": stream.height,
            "video.width": stream.width,
            "video.codec": stream.codec.canonical_name,
            "video.pix_fmt": stream.pix_fmt,
            "video.fps": fps,
            "video.channels": 1 if is_depth else 3,
            "has_audio": False,
            "video.video_backend": "pyav",
            "video.extra_options": {},
            **({f"video.{name}": value for name, value in encoder.items()} if is_depth or _is_ours(stream) else {}),
            **({f"video.{name}": value for name, value in asdict(depth.LEROBOT).items()} if is_depth else {}),
            "is_depth_map": is_depth,
        }


class VideoFile:
    """An MP4 to which episodes are appended by copying packets."""

    def __init__(self, path: Source, fps: int) -> None:
        if isinstance(path, Path):
            path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.fps = fps
        self.frames = 0
        """Appended so far."""
        self._container = av.open(str(path) if isinstance(path, Path) else path, "w", format="mp4")
        self._digest = hashlib.sha256()
        self._stream: VideoStream | None = None
        self._format: tuple[Any, ...] | None = None

    def accepts(self, source: Source) -> bool:
        """Whether packets of `source` can follow those already here in one stream."""
        with opened(source) as container:
            return self._format in (None, _format(container.streams.video[0]))

    def append(self, source: Source, start: int, length: int) -> None:
        """Copy `length` frames of `source` from frame `start`, which must be a keyframe.

        Raises:
            TornFileError: If these frames are not there, or do not start with a keyframe.
        """
        self.append_all(source, [(start, length)])

    def append_all(self, source: Source, spans: Iterable[tuple[int, int]]) -> None:
        """Copy several spans, each of a first frame and a length, as `append` does; the source is opened once."""
        with opened(source) as container:
            for start, length in spans:
                self._copy(container, start, length, _name(source))

    def _copy(self, container: av.container.InputContainer, start: int, length: int, name: Path) -> None:
        template = container.streams.video[0]
        stream = self._stream or self._begin(template)
        packets = list(_packets(container, template, Fraction(start, self.fps), Fraction(start + length, self.fps)))
        if len(packets) != length or not packets[0].is_keyframe:
            raise TornFileError(name, f"frames {start} to {start + length} cannot be cut out")
        assert template.time_base is not None
        shift = round(Fraction(self.frames - start, self.fps) / template.time_base)
        for packet in packets:
            assert packet.pts is not None
            assert packet.dts is not None
            packet.pts += shift
            packet.dts += shift
            packet.stream = stream
            self._digest.update(packet)
            self._container.mux(packet)
        self.frames += length

    def _begin(self, template: VideoStream) -> VideoStream:
        self._stream = self._container.add_stream_from_template(template, opaque=True)
        self._stream.time_base = template.time_base
        self._format = _format(template)
        return self._stream

    @property
    def size_mb(self) -> float:
        """Size on disk; lags behind by what is not flushed yet."""
        size = self.path.stat().st_size if isinstance(self.path, Path) else self.path.getbuffer().nbytes
        return size / 2**20

    def close(self) -> None:
        """Write the index; without it the file cannot be read."""
        self._container.close()

    def verify(self) -> None:
        """Read the closed file back: every packet as it was copied, every frame at the time of its row.

        Raises:
            TornFileError: If it is not what was appended.
        """
        digest, rows = hashlib.sha256(), []
        with opened(self.path) as container:
            stream = container.streams.video[0]
            assert stream.time_base is not None
            for packet in container.demux(stream):
                if packet.pts is not None:
                    digest.update(packet)
                    rows.append(float(packet.pts * stream.time_base) * self.fps)
        if digest.digest() != self._digest.digest():
            raise TornFileError(_name(self.path), "packets are not those that were copied")
        if len(rows) != self.frames or np.abs(np.sort(rows) - np.arange(self.frames)).max() > TOLERANCE_S * self.fps:
            raise TornFileError(_name(self.path), "frames are not at the times of their rows")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def count_frames(path: Source) -> int:
    """Number of frames by the file's own index, without decoding."""
    with opened(path) as container:
        return int(container.streams.video[0].frames)


def frame_rows(path: Path, fps: int) -> list[float]:
    """Row at which each frame is shown, in order, by the times in the file, without decoding.

    Raises:
        TornFileError: If the file cannot be read.
    """
    with opened(path) as container:
        stream = container.streams.video[0]
        assert stream.time_base is not None
        return sorted(
            float(packet.pts * stream.time_base) * fps for packet in container.demux(stream) if packet.pts is not None
        )


def misplaced(at: Iterable[float], rows: int, fps: int) -> tuple[int, str] | None:
    """The first row whose frame is missing or at another time than LeRobot tolerates, and what is wrong with it.

    Args:
        at: Row at which each frame is shown, as `frame_rows` tells it.
        rows: How many there are.
        fps: Frames per second.
    """
    row = -1
    for row, shown_at in enumerate(at):
        if row >= rows:
            return row, "there is a frame, but no such row"
        if abs(shown_at - row) > TOLERANCE_S * fps:
            return row, f"its frame is shown at row {shown_at:.3f}"
    return (row + 1, f"it has no frame, {rows} are expected") if row + 1 < rows else None


def walk(path: Path | BinaryIO, start: int, length: int, fps: int, episode: int = 0) -> Iterator[av.VideoFrame]:
    """Decoded frames `start` to `start + length`, one by one, as they are in the file.

    Raises:
        FrameError: If a frame is missing, or not at its row's time within LeRobot's tolerance.
        TornFileError: If the file cannot be read.
    """
    row = 0
    with opened(path) as container:
        stream = container.streams.video[0]
        assert stream.time_base is not None
        container.seek(round(Fraction(start, fps) / stream.time_base), stream=stream)
        try:
            for frame in container.decode(stream):
                assert frame.pts is not None
                at = float(frame.pts * stream.time_base) * fps - start
                if round(at) != row:
                    if round(at) < row:
                        continue  # before the episode, from the seek's keyframe on
                    raise FrameError(_name(path), episode, f"row {row} has no frame")
                if abs(at - row) > TOLERANCE_S * fps:
                    raise FrameError(_name(path), episode, f"frame of row {row} is off by {at - row:.3f} rows")
                yield frame
                row += 1
                if row == length:
                    return
        except av.FFmpegError as error:
            raise TornFileError(_name(path), error) from error
    raise FrameError(_name(path), episode, f"{row} frames for {length} rows")


def decode(path: Path, start: int, length: int, fps: int, episode: int = 0) -> NDArray[np.uint8]:
    """Decode frames `start` to `start + length`.

    Args:
        path: An MP4.
        start: Index of the first frame.
        length: Number of frames.
        fps: Frames per second.
        episode: Named in errors.

    Returns:
        RGB, shape (length, height, width, 3).

    Raises:
        FrameError: If a frame is missing, or not at its row's time within LeRobot's tolerance.
    """
    frames = walk(path, start, length, fps, episode)
    return np.stack([frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False) for frame in frames])


def decode_depth(
    path: Path, start: int, length: int, fps: int, scale: depth.Scale, episode: int = 0
) -> NDArray[np.float32]:
    """Decode frames of depth, as `decode` does those of colour.

    Returns:
        Distances in m, shape (length, height, width).

    Raises:
        FrameError: If a frame is missing, or not at its row's time within LeRobot's tolerance.
    """
    return np.stack([scale.metres(codes_in(frame)) for frame in walk(path, start, length, fps, episode)])


def codes_in(frame: av.VideoFrame) -> NDArray[np.uint16]:
    """The codes in a decoded frame of depth, shape (height, width)."""
    return frame.to_ndarray(format=depth.PIX_FMT).astype(np.uint16, copy=False)


def check_frames(frames: NDArray[Any], shape: tuple[int, ...], camera: str, rows: int, dtype: Any = np.uint8) -> None:
    """Refuse frames that do not fit the camera's feature or the episode.

    Raises:
        FeatureError: For another size, type or number of frames, or a distance that is none.
    """
    if frames.dtype != dtype or frames.shape[1:] != shape:
        wanted = f"{np.dtype(dtype)} {shape}"
        raise FeatureError(camera, f"frames are {frames.dtype} {frames.shape[1:]}, the feature says {wanted}")
    if not np.isfinite(frames).all():
        raise FeatureError(camera, "a distance is not finite. Give 0 where nothing was measured")
    if len(frames) != rows:
        raise FeatureError(camera, f"{len(frames)} frames for {rows} rows")


def _colour_options(threads: int, crf: int | None) -> dict[str, str]:
    os.environ.setdefault("SVT_LOG", "1")  # errors only; SVT-AV1 writes to stderr itself
    options = {name: str(ENCODER[name]) for name in ("g", "crf", "preset")}
    options |= {"crf": str(crf)} if crf is not None else {}
    parallel = f":lp={threads}" if threads else ""
    return options | {"svtav1-params": f"fast-decode={ENCODER['fast_decode']}{parallel}"}


def _depth_options() -> dict[str, str]:
    """No words about itself, and threads in the same way everywhere: all clips have one header and can follow another.

    Two threads share the rows of two frames, which keeps two cores busy even if there is one camera.
    """
    options = {name: str(depth.ENCODER[name]) for name in ("g", "crf", "preset")}
    quiet = "info=0:log-level=none:pools=2:frame-threads=2"
    return options | {"x265-params": f"{depth.ENCODER['extra_options']['x265-params']}:{quiet}"}


def _packets(
    container: av.container.InputContainer, stream: VideoStream, start_s: Fraction, end_s: Fraction
) -> Iterator[av.Packet]:
    """Packets shown within [start, end), in the order of the file."""
    assert stream.time_base is not None
    first, last = round(start_s / stream.time_base), round(end_s / stream.time_base)
    container.seek(first, stream=stream)
    for packet in container.demux(stream):
        if packet.pts is None or packet.dts is None or packet.dts >= last:
            return
        if first <= packet.pts < last:
            yield packet


def _format(stream: VideoStream) -> tuple[Any, ...]:
    context = stream.codec_context
    return (
        stream.codec.canonical_name,
        stream.width,
        stream.height,
        stream.pix_fmt,
        context.extradata,
        stream.time_base,
    )


def _is_ours(stream: VideoStream) -> bool:
    """Whether it is in our own codec; a video that came encoded by others may be in any."""
    return stream.codec.canonical_name == "av1"


def _name(source: Source | BinaryIO) -> Path:
    return source if isinstance(source, Path) else Path("encoded episode")


@contextmanager
def opened(source: Source | BinaryIO) -> Iterator[av.container.InputContainer]:
    """A file, or what can be read as one, to read from its start.

    Raises:
        TornFileError: If it cannot be read.
    """
    if not isinstance(source, Path):
        source.seek(0)
    try:
        container = av.open(str(source) if isinstance(source, Path) else source, "r")
    except av.FFmpegError as error:
        raise TornFileError(_name(source), error) from error
    try:
        yield container
    finally:
        container.close()
