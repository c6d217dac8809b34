"""How unlike pictures are, without a model: by their colours and by small copies of them."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.contracts import Contract

THUMB_PX = 16
BINS = 8  # per channel
WIDTH_LEVELS = 32.0
"""Of the kernel: pictures whose small copies differ by so many levels of 255 are half-way to being unlike."""

type Picture = NDArray[np.uint8]


class Diversity(Contract):
    """Of one picture per episode, its middle frame."""

    pictures: int
    brightness_levels: float
    """Standard deviation of the mean brightness."""
    colour_bits: float
    """Entropy of the colours of all of them, in 512 bins."""
    difference_levels: float
    """Mean difference of two small copies; 0 if there is one."""
    effective: float
    """How many wholly unlike pictures would be as diverse: the Vendi score, Friedman, Dieng 2022, arXiv:2210.02410."""


def diversity(pictures: Sequence[Picture]) -> Diversity:
    """Measure pictures, RGB, (H, W, 3) each; of none of them, nothing is diverse."""
    if not pictures:
        return Diversity(pictures=0, brightness_levels=0.0, colour_bits=0.0, difference_levels=0.0, effective=0.0)
    small = np.stack([thumbnail(picture) for picture in pictures]).reshape(len(pictures), -1)
    off = np.stack([np.sqrt(((small - one) ** 2).mean(axis=1)) for one in small])
    pairs = len(pictures) * (len(pictures) - 1)
    return Diversity(
        pictures=len(pictures),
        brightness_levels=round(float(np.std([picture.mean() for picture in pictures])), 2),
        colour_bits=round(entropy_bits(np.concatenate([picture.reshape(-1, 3) for picture in pictures])), 3),
        difference_levels=round(float(off.sum() / pairs) if pairs else 0.0, 2),
        effective=round(effective_number(np.exp(-np.log(2) * (off / WIDTH_LEVELS) ** 2)), 2),
    )


def thumbnail(picture: Picture) -> NDArray[np.float32]:
    """A small copy, (16, 16, 3)."""
    return np.asarray(cv2.resize(picture, (THUMB_PX, THUMB_PX), interpolation=cv2.INTER_AREA), np.float32)


def entropy_bits(colors: NDArray[np.uint8]) -> float:
    """Of colours, (N, 3)."""
    bins = (colors // (256 // BINS)).astype(np.int64) @ np.array([BINS * BINS, BINS, 1])
    share = np.bincount(bins, minlength=BINS**3) / len(bins)
    share = share[share > 0]
    return float(-(share * np.log2(share)).sum())


def effective_number(likeness: NDArray[np.floating]) -> float:
    """Exp of the entropy of the eigenvalues of a kernel matrix with ones on its diagonal, (N, N)."""
    values = np.linalg.eigvalsh(likeness / len(likeness))
    values = values[values > 1e-12]
    return float(np.exp(-(values * np.log(values)).sum()))
