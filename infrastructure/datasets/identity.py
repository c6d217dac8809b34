"""Which episode is which, after datasets were split, merged and edited."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..contracts import Digest, digest_bytes
from .info import Info

PARTS = ("min", "max", "mean", "std")


def episode_keys(episodes: pa.Table, info: Info) -> list[Digest] | None:
    """Digest of the recorded features' statistics for each episode; None if there are none.

    Args:
        episodes: The episodes file.
        info: Of the same dataset.
    """
    names = [f"stats/{feature}/{part}" for feature in sorted(info.recorded) for part in PARTS]
    names = [name for name in names if name in episodes.column_names and not episodes[name].null_count]
    if not names:
        return None
    values = [numbers(episodes[name]).reshape(len(episodes), -1) for name in ("length", *names)]
    head = "\n".join(names).encode()
    return [digest_bytes(head + row.tobytes()) for row in np.concatenate(values, axis=1)]


def numbers(column: "pa.ChunkedArray[Any]") -> NDArray[np.float64]:
    """A column of numbers, or of equal nested lists of them, as an array with one element per row."""
    flat: Any = column
    shape = []
    while pa.types.is_list(flat.type) or pa.types.is_fixed_size_list(flat.type):
        length = len(flat)
        flat = pc.list_flatten(flat)
        shape.append(len(flat) // max(length, 1))
    return np.asarray(flat.to_numpy(), dtype=np.float64).reshape(len(column), *shape)
