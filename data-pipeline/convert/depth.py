"""Depth images out of ROS messages: raw, PNG of 16 bits, and the PNG of compressedDepth."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray

from physai.infrastructure.datasets.depth import DepthImage, Unit, dtype_of, measured

from .errors import ImageError
from .images import COMPRESSED, DEPTH_ENCODINGS, PNG, RAW, is_compressed_depth

HEADER = struct.Struct("<iff")
"""Before a compressedDepth image: its kind, and two numbers of the scale of inverse depth.
Source: image_transport_plugins, compressed_depth_image_transport/compression_common.h and codec.cpp."""


class DepthDecoder:
    """Decodes the depth images of one topic."""

    def __init__(self, path: Path, topic: str, unit: str = "") -> None:
        """Prepare to decode.

        Args:
            path: Recording, for names in errors.
            topic: Of the images.
            unit: `m` or `mm`, which they must be in; empty: that of the first.
        """
        self._path, self._topic = path, topic
        self.unit = unit
        self._size: tuple[int, ...] | None = None

    def frames(self, number: int, message: Any) -> Iterator[DepthImage]:
        """The image of a message, shape (height, width), 0 where nothing was measured.

        Raises:
            ImageError: If it is no depth, or has another size or unit than the first.
        """
        image, unit = self._decoded(number, message)
        if self.unit not in ("", unit):
            raise self._error(number, f"is in {unit}, expected {self.unit}")
        if self._size not in (None, image.shape):
            raise self._error(number, f"size is {image.shape}, the first was {self._size}")
        self.unit, self._size = unit, image.shape
        yield measured(image)

    def rest(self) -> Iterator[DepthImage]:
        """None: every message holds its own image."""
        yield from ()

    def _decoded(self, number: int, message: Any) -> tuple[DepthImage, Unit]:
        if message.__msgtype__ == RAW:
            return self._raw(number, message)
        if message.__msgtype__ != COMPRESSED:
            raise self._error(number, f"a {message.__msgtype__} holds no depth. Known: {RAW}, {COMPRESSED}")
        data, encoding = message.data.tobytes(), message.format.partition(";")[0].strip()
        if not is_compressed_depth(message.format):
            return self._png(number, data, message.format), "mm"
        if encoding not in DEPTH_ENCODINGS:
            raise self._unknown(number, encoding)
        stored = self._png(number, data[HEADER.size :], message.format)
        if DEPTH_ENCODINGS[encoding] == "mm":
            return stored, "mm"
        _, factor, offset = HEADER.unpack_from(data)
        with np.errstate(divide="ignore"):
            metres = np.float32(factor) / (stored.astype(np.float32) - np.float32(offset))
        return np.where(stored == 0, np.float32(np.nan), metres), "m"

    def _raw(self, number: int, message: Any) -> tuple[DepthImage, Unit]:
        unit = DEPTH_ENCODINGS.get(message.encoding)
        if unit is None:
            raise self._unknown(number, message.encoding)
        kind = dtype_of(unit)
        width = message.width * kind.itemsize
        if len(message.data) != message.step * message.height or message.step < width:
            raise self._error(number, f"{len(message.data)} bytes are not {message.height} lines of {message.step}")
        lines: NDArray[np.uint8] = message.data.reshape(message.height, message.step)[:, :width]
        stored = np.ascontiguousarray(lines).view(kind.newbyteorder(">" if message.is_bigendian else "<"))
        return (stored.astype(np.float32) if unit == "m" else stored.astype(np.uint16)), unit

    def _png(self, number: int, data: bytes, told: str) -> NDArray[np.uint16]:
        if not data.startswith(PNG):
            raise self._error(number, f"is no PNG, though it says '{told}'. Publish depth as PNG")
        context = av.CodecContext.create("png", "r")
        assert isinstance(context, VideoCodecContext)
        context.options = {"err_detect": "explode"}
        context.thread_count = 1
        try:
            (frame,) = context.decode(av.Packet(data))
        except (av.FFmpegError, ValueError) as error:
            raise self._error(number, "cannot be decoded") from error
        if frame.format.name != "gray16be":
            raise self._error(number, f"PNG holds {frame.format.name}, depth is 16 bits of grey")
        return frame.to_ndarray(format="gray16le").astype(np.uint16, copy=False)

    def _unknown(self, number: int, encoding: str) -> ImageError:
        known = ", ".join(DEPTH_ENCODINGS)
        return self._error(number, f"encoding '{encoding}' is no depth. Known: {known}; colours are `dtype: video`")

    def _error(self, number: int, detail: str) -> ImageError:
        return ImageError(self._path, self._topic, number, detail)


def first_depth(path: Path, topic: str, message: Any, unit: str) -> tuple[tuple[int, int], Unit]:
    """Height and width, and the unit, of the first depth image of a topic.

    Raises:
        ImageError: If it is no depth.
    """
    decoder = DepthDecoder(path, topic, unit)
    (image,) = decoder.frames(0, message)
    found = next(each for each in get_args(Unit) if each == decoder.unit)
    return (image.shape[0], image.shape[1]), found
