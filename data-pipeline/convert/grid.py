"""Rows on a fixed grid of header time; each topic's latest value is held until the next."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

SLACK = 0.01  # periods by which a stamp may be late and still count for its row: stamps are rounded to nanoseconds


def common_grid(stamps_ns: Mapping[str, NDArray[np.int64]], rate_hz: int) -> NDArray[np.int64]:
    """Times of the rows in which every topic has spoken and none has ended.

    Args:
        stamps_ns: Topic → header times, shape (N,), ascending, at least one. A topic with a single message states a
            constant, which has no end.
        rate_hz: Rows per second.

    Returns:
        Header times, shape (T,); T may be 0.
    """
    start = max(int(stamps[0]) for stamps in stamps_ns.values())
    end = min((int(stamps[-1]) for stamps in stamps_ns.values() if len(stamps) > 1), default=start)
    period_ns = 1e9 / rate_hz
    rows = int((end - start) / period_ns + SLACK) + 1 if end >= start else 0
    return start + np.round(np.arange(rows) * period_ns).astype(np.int64)


def hold(stamps_ns: NDArray[np.int64], grid_ns: NDArray[np.int64], rate_hz: int) -> NDArray[np.intp]:
    """For each row, the index of the latest message at or before it, shape (T,).

    Args:
        stamps_ns: Header times, ascending; the first is at or before the first row.
        grid_ns: Times of the rows.
        rate_hz: Rows per second; a stamp late by less than `SLACK` periods counts as in time.
    """
    slack_ns = int(SLACK * 1e9 / rate_hz)
    return np.searchsorted(stamps_ns, grid_ns + slack_ns, side="right") - 1


def silence_s(stamps_ns: Mapping[str, NDArray[np.int64]]) -> dict[str, float]:
    """How long before the last topic each topic falls silent; 0 for one that states a constant."""
    end = max(int(stamps[-1]) for stamps in stamps_ns.values())
    return {t: (end - int(stamps[-1])) / 1e9 if len(stamps) > 1 else 0.0 for t, stamps in stamps_ns.items()}


def allowed_skew_s(stamps_ns: NDArray[np.int64], rate_hz: int) -> float:
    """How old a held value may be: 1.5 periods of its topic, so that one lost message is not forgiven.

    A topic slower than the grid may be as old as its own period; a constant may have any age.
    """
    if len(stamps_ns) < 2:
        return float("inf")
    period_s = max(float(np.median(np.diff(stamps_ns))) / 1e9, 1 / rate_hz)
    return 1.5 * period_s
