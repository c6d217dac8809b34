"""What a camera films, colours or distances: how its frames become video, statistics and evidence."""

from abc import ABC, abstractmethod
from typing import Any, override

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from physai.infrastructure.datasets.depth import LEROBOT
from physai.infrastructure.datasets.depth import PIX_FMT as DEPTH_PIX_FMT
from physai.infrastructure.datasets.stats import DepthCounts, ImageCounts
from physai.infrastructure.datasets.video import PIX_FMT, codes_in

PSNR_DB = 20.0
"""Less is another picture: AV1 at crf 30 keeps camera images above 30 dB, images of other moments are far below."""
HALF_STEP = 0.51  # of the scale of depth: a code is at most half a step off, the rest is float32's


class Film(ABC):
    """One kind of frames. A source is a frame as it was recorded and decoded."""

    is_depth: bool

    @abstractmethod
    def counts(self) -> ImageCounts | DepthCounts:
        """Of its statistics."""

    @abstractmethod
    def size(self, source: Any) -> tuple[int, int]:
        """Height and width."""

    @abstractmethod
    def ready(self, source: Any) -> av.VideoFrame:
        """A source as it is encoded."""

    @abstractmethod
    def values(self, source: Any) -> NDArray[Any]:
        """A source as it is counted and compared."""

    @abstractmethod
    def differs(self, values: NDArray[Any], shown: av.VideoFrame) -> str:
        """How a frame of the clip differs from its source; empty if it does not."""


class Colours(Film):
    """Frames of FFmpeg."""

    is_depth = False

    def __init__(self) -> None:
        self._to_yuv, self._to_rgb = VideoReformatter(), VideoReformatter()  # what every frame would make for itself

    @override
    def counts(self) -> ImageCounts:
        return ImageCounts()

    @override
    def size(self, source: av.VideoFrame) -> tuple[int, int]:
        return source.height, source.width

    @override
    def ready(self, source: av.VideoFrame) -> av.VideoFrame:
        return self._to_yuv.reformat(source, format=PIX_FMT)

    @override
    def values(self, source: av.VideoFrame) -> NDArray[np.uint8]:
        return self._to_rgb.reformat(source, format="rgb24").to_ndarray().astype(np.uint8, copy=False)

    @override
    def differs(self, values: NDArray[np.uint8], shown: av.VideoFrame) -> str:
        psnr = psnr_db(values, self.values(shown))
        return "" if psnr >= PSNR_DB else f"PSNR to its source is {psnr:.1f} dB, at least {PSNR_DB:g} is expected"


class Distances(Film):
    """Depth images, shape (height, width)."""

    is_depth = True

    def __init__(self, unit: str) -> None:
        self._unit = unit

    @override
    def counts(self) -> DepthCounts:
        return DepthCounts(self._unit)

    @override
    def size(self, source: NDArray[Any]) -> tuple[int, int]:
        return source.shape[0], source.shape[1]

    @override
    def ready(self, source: NDArray[Any]) -> av.VideoFrame:
        return av.VideoFrame.from_ndarray(LEROBOT.codes(source), format=DEPTH_PIX_FMT)

    @override
    def values(self, source: NDArray[Any]) -> NDArray[Any]:
        return source

    @override
    def differs(self, values: NDArray[Any], shown: av.VideoFrame) -> str:
        wanted, found = LEROBOT.within(values), LEROBOT.metres(codes_in(shown))
        steps = np.abs(found - wanted) / LEROBOT.step_m(wanted)
        if steps.max() <= HALF_STEP:
            return ""
        row, column = np.unravel_index(int(steps.argmax()), steps.shape)
        told = f"{found[row, column]:.4f} m instead of {wanted[row, column]:.4f} m"
        return f"pixel ({row}, {column}) is {told}, more than half a step of the scale"


def psnr_db(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio of two pictures; infinite if they are equal."""
    error = float(np.mean((one.astype(np.float32) - other.astype(np.float32)) ** 2))
    return float("inf") if error == 0 else 10 * float(np.log10(255.0**2 / error))
