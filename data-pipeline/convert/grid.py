"""Rows on a fixed grid of header time, and which message of a topic each of them shows."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

SLACK = 0.01  # periods by which a stamp may be late and still count for its row: stamps are rounded to nanoseconds

How = Literal["hold", "nearest", "linear"]


class Pick(NamedTuple):
    """Which messages the rows show."""

    before: NDArray[np.intp]
    """Index of the message of each row, shape (T,)."""
    after: NDArray[np.intp]
    """Index of the message to interpolate to; equal to `before` where nothing is interpolated."""
    weight: NDArray[np.float64]
    """Share of `after`, 0 to 1."""
    skew_s: NDArray[np.float64]
    """How far in time the farther of the two is from its row, shape (T,); at least 0."""


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
    return fixed_grid(start, end, rate_hz)


def fixed_grid(start_ns: int, end_ns: int, rate_hz: int) -> NDArray[np.int64]:
    """Times of the rows from `start_ns` to `end_ns`, both included; shape (T,), T may be 0."""
    period_ns = 1e9 / rate_hz
    rows = int((end_ns - start_ns) / period_ns + SLACK) + 1 if end_ns >= start_ns else 0
    return start_ns + np.round(np.arange(rows) * period_ns).astype(np.int64)


def pick(stamps_ns: NDArray[np.int64], grid_ns: NDArray[np.int64], rate_hz: int, how: How = "hold") -> Pick:
    """Which message each row shows.

    Args:
        stamps_ns: Header times, ascending.
        grid_ns: Times of the rows.
        rate_hz: Rows per second.
        how: `hold`: the latest at or before the row; `nearest`: the closest in time; `linear`: between two.
    """
    before = hold(stamps_ns, grid_ns, rate_hz).clip(0)
    after = (before + 1).clip(max=len(stamps_ns) - 1)
    if how == "hold" or len(stamps_ns) == 1:
        return _one(stamps_ns, grid_ns, before)
    to_before, to_after = np.abs(grid_ns - stamps_ns[before]), np.abs(stamps_ns[after] - grid_ns)
    if how == "nearest":
        return _one(stamps_ns, grid_ns, np.where(to_after < to_before, after, before))
    span = (stamps_ns[after] - stamps_ns[before]).astype(np.float64)
    weight = np.divide(grid_ns - stamps_ns[before], span, out=np.zeros(len(grid_ns)), where=span > 0).clip(0, 1)
    exact = weight == 0
    return Pick(
        before,
        np.where(exact, before, after),
        weight,
        np.where(exact, to_before, np.maximum(to_before, to_after)) / 1e9,
    )


def hold(stamps_ns: NDArray[np.int64], grid_ns: NDArray[np.int64], rate_hz: int) -> NDArray[np.intp]:
    """For each row, the index of the latest message at or before it, shape (T,); -1 if there is none.

    Args:
        stamps_ns: Header times, ascending.
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


def _one(stamps_ns: NDArray[np.int64], grid_ns: NDArray[np.int64], index: NDArray[np.intp]) -> Pick:
    skew_s = np.abs(grid_ns - stamps_ns[index]) / 1e9
    late = stamps_ns[index] > grid_ns  # within the slack: in time
    return Pick(index, index, np.zeros(len(grid_ns)), np.where(late & (skew_s < 1e-6), 0.0, skew_s))
