"""Signals over any time, from the windows that robots told of them."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from functools import reduce
from itertools import groupby
from typing import Any

import numpy as np

from physai.infrastructure.contracts import Contract, SignalData, SignalEvent

from .moments import Moments
from .sql import event_of
from .store import TelemetryStore
from .tables import BY_EVENT

SIGNALS = BY_EVENT[SignalEvent]


class Signal(Contract):
    """One signal of one robot, over several windows."""

    site: str
    robot: str
    signal: str
    windows: int
    samples: int
    late: int
    refused: int
    mean: tuple[float, ...]
    """By element, as all that follow up to `newest`."""
    std: tuple[float, ...]
    minimum: tuple[float, ...]
    maximum: tuple[float, ...]
    newest: tuple[float, ...]
    buckets: dict[int, int]
    """Samples by bucket of the histogram, if there is one; bounds as in `SignalData`."""


class Signals(Contract):
    """What the store knows of signals, by site, robot and name."""

    signals: tuple[Signal, ...]


def read_signals(
    store: TelemetryStore, signal: str | None, robot: str | None, site: str | None, before: timedelta
) -> Signals:
    """Merge the windows of each signal of each robot; those that have changed their length stay apart.

    Args:
        store: Where the windows are.
        signal: Only this one.
        robot: Only of this one.
        site: Only of this one.
        before: The newest window of any.
    """
    wanted = {"signal": signal, "robot": robot, "site": site}
    where = [(f"{column} = ?", value) for column, value in wanted.items() if value is not None]
    recent = "timestamp > (SELECT max(timestamp) FROM Signals) - ?"
    conditions = " AND ".join([recent, *(text for text, _ in where)])
    rows = store.rows(
        f"FROM Signals WHERE {conditions} ORDER BY site, robot, signal, len(mean), timestamp",
        [before, *(value for _, value in where)],
    )
    windows = [event_of(SIGNALS, row, SignalEvent).data for row in rows]
    grouped = groupby(windows, key=lambda data: (data.site, data.robot, data.signal, len(data.mean)))
    return Signals(signals=tuple(merge(list(group)) for _, group in grouped))


def merge(windows: Sequence[SignalData]) -> Signal:
    """Several windows of one signal, in order of time, as one."""
    whole, found = reduce(Moments.then, map(_moments, windows)), Counter[int]()
    for window in windows:
        found.update(dict(zip(window.bucket, window.bucket_samples, strict=True)))
    return Signal(
        site=windows[-1].site,
        robot=windows[-1].robot,
        signal=windows[-1].signal,
        windows=len(windows),
        samples=whole.samples,
        late=sum(window.late for window in windows),
        refused=sum(window.refused for window in windows),
        mean=tuple(whole.mean.tolist()),
        std=tuple(np.sqrt(whole.variance).tolist()),
        minimum=tuple(whole.minimum.tolist()),
        maximum=tuple(whole.maximum.tolist()),
        newest=tuple(whole.newest.tolist()),
        buckets=dict(sorted(found.items())),
    )


def _moments(window: SignalData) -> Moments:
    def array(name: str) -> Any:
        return np.array(getattr(window, name))

    squares = array("variance") * window.samples
    return Moments(window.samples, array("mean"), squares, array("minimum"), array("maximum"), array("newest"))
