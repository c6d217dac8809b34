"""How soon drift is found and how often in vain, on simulated streams; a peer beside us on the very same ones."""

import json
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.benchmark import Result
from physai.infrastructure.contracts import Contract

from ..drift.behaviour import compare
from ..drift.cusum import Level, design, statistic
from ..drift.operating import operating

BASELINE, BEFORE, AFTER, CLEAN = 200, 0.90, 0.75, 10_000
LEVEL = Level(0.47, CLEAN)  # over all evaluations of a policy of 0.90 this makes 0.445
STREAMS, MOST = 2000, 2000
DROPPED = "0.90 to 0.75, evaluation of 200"
SEED = 20
AR, COLUMNS, COLUMN_SEEDS = 0.99, 200, (101, 102, 103, 104, 105)  # no seed that a threshold was chosen on
PEER_S = 280
ADWIN_DELTA = 0.25  # the loosest of 0.25, 0.27 and 0.28 that stays below 0.45 false alarms on these streams

ADWIN = """
import sys, numpy as np
from river.drift import ADWIN
data = np.load(sys.argv[1])
def first(baseline, stream, delta):
    detector = ADWIN(delta=delta, clock=1)
    for outcome in baseline: detector.update(float(outcome))
    for index, outcome in enumerate(stream, 1):
        detector.update(float(outcome))
        if detector.drift_detected and detector.estimation < 0.9: return index
    return -1
delta = float(sys.argv[2])
pairs = [(name, [first(b, s, delta) for b, s in zip(data["baseline"], data[name])]) for name in ("drop", "clean")]
import json; print(json.dumps(dict(pairs)))
"""
EVIDENTLY = """
import json, sys, warnings, numpy as np, pandas as pd
warnings.simplefilter("ignore")
from evidently import Report
from evidently.presets import DataDriftPreset
data = np.load(sys.argv[1])
names = [f"c{i}" for i in range(data["before"].shape[0])]
done = Report([DataDriftPreset()]).run(
    reference_data=pd.DataFrame(data["before"].T, columns=names),
    current_data=pd.DataFrame(data["after"].T, columns=names)).dict()
print(json.dumps(next(m["value"]["share"] for m in done["metrics"] if "DriftedColumnsCount" in m["metric_name"])))
"""


class Delay(Contract):
    """How soon a drop was found."""

    median: float
    p90: float
    missed: float
    """Share not found within 2,000 episodes; they count as the longest delays."""
    false_alarms: float
    """Share of streams of 10,000 episodes without a change in which drift was called."""


class Flags(Contract):
    """Columns flagged as changed although nothing has, as shares."""

    ours: float
    unknown: float
    """We said that the data cannot tell."""
    evidently: float


def outcome_streams() -> dict[str, NDArray[np.bool_]]:
    """Evaluations, production that drops at once, and production that does not."""
    rng = np.random.default_rng(SEED)
    return {
        "baseline": rng.random((STREAMS, BASELINE)) < BEFORE,
        "drop": rng.random((STREAMS, MOST)) < AFTER,
        "clean": rng.random((STREAMS, CLEAN)) < BEFORE,
    }


def our_delay(streams: dict[str, NDArray[np.bool_]]) -> Delay:
    """Each stream has the chart of its own evaluation."""
    calls: dict[str, list[int]] = {"drop": [], "clean": []}
    for index, baseline in enumerate(streams["baseline"]):
        chart = design((int(baseline.sum()), BASELINE), LEVEL)
        for name, found in calls.items():
            called = statistic(chart, streams[name][index]) >= chart.limit
            found.append(int(np.argmax(called)) + 1 if called.any() else -1)
    return _delay(calls)


def adwin_delay(streams: dict[str, NDArray[np.bool_]], delta: float) -> Delay:
    """River's ADWIN on the same streams, in an environment of its own."""
    return _delay(json.loads(_beside("river==0.26.1", ADWIN, streams, str(delta))))


def false_flags(length: int) -> Flags:
    """AR(0.99) columns, two periods of `length` steps each, continuous and without a change."""
    series = np.concatenate([_columns(seed, length) for seed in COLUMN_SEEDS])
    halves = {"before": series[:COLUMNS, :length], "after": series[:COLUMNS, length:]}
    single = [compare({"c": column[:length]}, {"c": column[length:]})[0] for column in series]
    return Flags(
        ours=float(np.mean([change.changed for change in single])),
        unknown=float(np.mean([change.p_value is None for change in single])),
        evidently=float(json.loads(_beside("evidently==0.7.23", EVIDENTLY, halves, "", "pandas<3"))),
    )


def _columns(seed: int, length: int) -> NDArray[np.float64]:
    from scipy.signal import lfilter

    noise = np.random.default_rng(seed).normal(size=(COLUMNS, 2 * length + 3000)) * np.sqrt(1 - AR**2)
    return np.asarray(lfilter([1.0], [1.0, -AR], noise, axis=1)[:, 3000:])


def _delay(calls: dict[str, list[int]]) -> Delay:
    found = np.array(calls["drop"])
    waited = np.where(found < 0, MOST, found)
    return Delay(
        median=float(np.median(waited)),
        p90=float(np.quantile(waited, 0.9)),
        missed=float(np.mean(found < 0)),
        false_alarms=float(np.mean(np.array(calls["clean"]) > 0)),
    )


def _beside(package: str, program: str, arrays: Mapping[str, NDArray[Any]], argument: str, *more: str) -> str:
    """What a peer prints about the same arrays, installed by uv apart from everything of ours."""
    packages = [word for name in (package, "numpy", *more) for word in ("--with", name)]
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "streams.npz"
        np.savez_compressed(data, allow_pickle=False, **arrays)
        command = ["uv", "run", "--isolated", "--no-project", "--python", "3.12", *packages, "python", "-c", program]
        done = subprocess.run(
            [*command, str(data), argument], capture_output=True, text=True, timeout=PEER_S, check=True
        )
    return done.stdout.strip().splitlines()[-1]


def measure_delay() -> list[Result]:
    """0.90 to 0.75 after an evaluation of 200 episodes: over all streams, and on 400 of them beside river's ADWIN."""
    return [*_computed(), *_simulated()]


def _computed() -> list[Result]:
    """Summed over every evaluation and every course of production: no seed has a part in it."""
    dropped = operating(BEFORE, BASELINE, AFTER, MOST, LEVEL)
    unchanged = operating(BEFORE, BASELINE, BEFORE, CLEAN, LEVEL)
    assert dropped.median_episodes is not None
    assert dropped.p90_episodes is not None
    return [
        _lower(f"{DROPPED}: median delay, computed", dropped.median_episodes, "episodes", 65),
        _lower(f"{DROPPED}: 90 % found within, computed", dropped.p90_episodes, "episodes", 140),
        _lower(f"{CLEAN:,} unchanged episodes: a false alarm, computed", unchanged.found, "of 1", 0.45),
    ]


def _simulated() -> list[Result]:
    streams = outcome_streams()
    ours, adwin = our_delay(streams), adwin_delay(streams, ADWIN_DELTA)
    peer = f"river ADWIN, delta {ADWIN_DELTA:g}, at {adwin.false_alarms:.3f} false alarms, {adwin.missed:.1%} missed"
    on = f"on {STREAMS} streams"
    return [
        _lower(f"{DROPPED}: median delay, {on}", ours.median, "episodes", None, adwin.median, peer),
        _lower(f"{DROPPED}: 90 % found within, {on}", ours.p90, "episodes", None, adwin.p90, peer),
        _lower(
            f"{CLEAN:,} unchanged episodes: a false alarm, {on}",
            ours.false_alarms, "of 1", None, adwin.false_alarms, "river ADWIN",
        ),
    ]  # fmt: skip


def _lower(
    what: str, ours: float, unit: str, goal: float | None, peer: float | None = None, peer_name: str = ""
) -> Result:
    return Result(what=what, ours=ours, unit=unit, goal=goal, higher_is_better=False, peer=peer, peer_name=peer_name)


def measure_flags() -> list[Result]:
    """Columns of AR(0.99) without any change, called changed at the 5 % level; evidently's default report beside us."""
    results: list[Result] = []
    for length in (900, 5000):
        found = false_flags(length)
        results.append(
            Result(
                what=f"{COLUMNS * len(COLUMN_SEEDS):,} unchanged AR(0.99) columns of {length} steps a side: flagged",
                ours=100 * found.ours,
                unit="%",
                goal=5,
                higher_is_better=False,
                peer=100 * found.evidently,
                peer_name=f"evidently 0.7.23, on {COLUMNS} of them",
                note=f"Of {100 * found.unknown:.1f} % we say that such data cannot tell.",
            )
        )
    return results
