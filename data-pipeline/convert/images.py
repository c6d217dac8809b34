"""Images out of ROS messages: JPEG, PNG, raw, and H.264 or H.265 video."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.codec.context import CodecContext
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray

from physai.infrastructure.datasets.depth import Unit

from .errors import ImageError

COMPRESSED, RAW, VIDEO = (
    "sensor_msgs/msg/CompressedImage",
    "sensor_msgs/msg/Image",
    "foxglove_msgs/msg/CompressedVideo",
)
TYPES = (COMPRESSED, RAW, VIDEO)
PIXELS = {"rgb8": "rgb24", "bgr8": "bgr24", "rgba8": "rgba", "bgra8": "bgra", "mono8": "gray", "yuv422_yuy2": "yuyv422"}
"""Encoding in ROS → pixel format in FFmpeg. Source: sensor_msgs/image_encodings.hpp."""
BYTES = {"rgb24": 3, "bgr24": 3, "rgba": 4, "bgra": 4, "gray": 1, "yuyv422": 2}
DEPTH_ENCODINGS: dict[str, Unit] = {"16UC1": "mm", "mono16": "mm", "32FC1": "m"}
"""Encoding of depth in ROS → its unit. Source: REP 118; `mono16` is what some drivers call 16UC1."""
CODECS = {"h264": "h264", "h265": "hevc", "hevc": "hevc"}
LOW_DELAY = 1 << 19  # AV_CODEC_FLAG_LOW_DELAY: a frame for each packet
JPEG, PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"


class ImageDecoder:
    """Decodes the images of one topic, in the order in which they were recorded."""

    def __init__(self, path: Path, topic: str) -> None:
        self._path, self._topic = path, topic
        self._contexts: dict[str, VideoCodecContext] = {}
        self._size: tuple[int, int] | None = None

    def frames(self, number: int, message: Any) -> Iterator[av.VideoFrame]:
        """The frame of a message; none if the video decoder still waits for the next, or for its first keyframe.

        The `pts` of a frame of video is the number of its message.

        Raises:
            ImageError: If it cannot be decoded, or has another size than the first.
        """
        for frame in self._frames(number, message):
            size = (frame.height, frame.width)
            if self._size not in (None, size):
                raise ImageError(self._path, self._topic, number, f"size is {size}, the first was {self._size}")
            self._size = size
            yield frame

    def rest(self) -> Iterator[av.VideoFrame]:
        """Frames that the video decoder still held."""
        for context in self._contexts.values():
            if context.name not in ("mjpeg", "png"):
                yield from context.decode(None)

    def _frames(self, number: int, message: Any) -> Iterator[av.VideoFrame]:
        if message.__msgtype__ == RAW:
            yield self._raw(number, message)
            return
        data = message.data.tobytes()
        if message.__msgtype__ == VIDEO:
            codec = CODECS.get(message.format)
            if codec is None:
                raise self._error(number, f"video format '{message.format}' is unknown. Known: {', '.join(CODECS)}")
        elif data.startswith((JPEG, PNG)):
            codec = "mjpeg" if data.startswith(JPEG) else "png"
        else:
            if is_compressed_depth(message.format):
                raise self._depth(number, message.format)
            raise self._error(
                number, f"cannot be decoded: it is neither JPEG nor PNG, though it says '{message.format}'"
            )
        packet = av.Packet(data)
        packet.pts = number
        try:
            found = self._context(codec).decode(packet)
        except av.FFmpegError as error:
            raise self._error(number, "cannot be decoded") from error
        if codec in ("mjpeg", "png") and len(found) != 1:
            raise self._error(number, "cannot be decoded")
        if codec == "png" and found[0].format.name == "gray16be":
            raise self._depth(number, message.format)
        yield from found

    def _raw(self, number: int, message: Any) -> av.VideoFrame:
        pixels = PIXELS.get(message.encoding)
        if message.encoding in DEPTH_ENCODINGS:
            raise self._depth(number, message.encoding)
        if pixels is None:
            raise self._error(number, f"encoding '{message.encoding}' is unknown. Known: {', '.join(PIXELS)}")
        width = message.width * BYTES[pixels]
        if len(message.data) != message.step * message.height or message.step < width:
            raise self._error(number, f"{len(message.data)} bytes are not {message.height} lines of {message.step}")
        lines: NDArray[np.uint8] = message.data.reshape(message.height, message.step)[:, :width]
        shape = (
            (message.height, message.width) if BYTES[pixels] == 1 else (message.height, message.width, BYTES[pixels])
        )
        return av.VideoFrame.from_ndarray(np.ascontiguousarray(lines).reshape(shape), format=pixels)

    def _context(self, codec: str) -> VideoCodecContext:
        if codec not in self._contexts or codec == "png":  # FFmpeg takes a second PNG for a difference to the first
            context = CodecContext.create(codec, "r")
            assert isinstance(context, VideoCodecContext)
            context.options = {"err_detect": "explode"}  # half an image is none
            context.thread_count = 1  # one camera, one thread: the cameras share the cores
            if codec != "mjpeg":
                context.flags |= LOW_DELAY
            self._contexts[codec] = context
        return self._contexts[codec]

    def _depth(self, number: int, told: str) -> ImageError:
        return self._error(number, f"'{told}' is depth, not colour. Write `dtype: depth` in the config")

    def _error(self, number: int, detail: str) -> ImageError:
        return ImageError(self._path, self._topic, number, detail)


def is_compressed_depth(told: str) -> bool:
    """Whether the format of a CompressedImage says that compressed_depth_image_transport made it."""
    return "compressedDepth" in told


def size_of(path: Path, topic: str, number: int, message: Any) -> tuple[int, int] | None:
    """Height and width of an image; None if a video does not tell before its first keyframe.

    Raises:
        ImageError: If it cannot be decoded.
    """
    decoder = ImageDecoder(path, topic)
    if message.__msgtype__ == VIDEO and not is_keyframe(message):
        return None
    for frame in [*decoder.frames(number, message), *decoder.rest()]:
        return frame.height, frame.width
    return None


def is_keyframe(message: Any) -> bool:
    """Whether a message of video can be decoded by itself. Sources: ITU-T H.264 table 7-1, H.265 table 7-1."""
    kinds = {unit[0] for unit in units(message.data.tobytes())}
    if message.format == "h264":
        return any(kind & 0x1F == 5 for kind in kinds)
    return any(16 <= (kind >> 1) & 0x3F <= 21 for kind in kinds)


def units(data: bytes) -> list[bytes]:
    """Units of an Annex B stream, without the zeros around them. Source: ITU-T H.264, annex B."""
    return [unit for part in data.split(b"\0\0\1")[1:] if (unit := part.rstrip(b"\0"))]
