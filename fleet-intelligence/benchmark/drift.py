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

BASELINE, BEFORE, AFTER, CLEAN = 200, 0.90, 0.75, 10_000
LEVEL = Level(0.47, CLEAN)  # over all evaluations of a policy of 0.90 this makes 0.445, computed
STREAMS, MOST = 400, 2000
SEED = 20
AR, COLUMNS = 0.99, 200
PEER_S = 280
ADWIN_DELTA = 0.15  # false alarms in 0.235 of the 400 clean streams, fewer than ours

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
    from scipy.signal import lfilter

    noise = np.random.default_rng(SEED).normal(size=(COLUMNS, 2 * length + 3000)) * np.sqrt(1 - AR**2)
    series = lfilter([1.0], [1.0, -AR], noise, axis=1)[:, 3000:]
    halves = {"before": series[:, :length], "after": series[:, length:]}
    single = [compare({"c": column[:length]}, {"c": column[length:]})[0] for column in series]
    return Flags(
        ours=float(np.mean([change.changed for change in single])),
        unknown=float(np.mean([change.p_value is None for change in single])),
        evidently=float(json.loads(_beside("evidently==0.7.23", EVIDENTLY, halves, "", "pandas<3"))),
    )


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
    """0.90 to 0.75 after an evaluation of 200 episodes, on 400 streams; river's ADWIN on the same."""
    streams = outcome_streams()
    ours, adwin = our_delay(streams), adwin_delay(streams, ADWIN_DELTA)
    peer = f"river ADWIN, delta {ADWIN_DELTA:g}, at {adwin.false_alarms:.3f} false alarms"
    drop = "0.90 to 0.75, evaluation of 200"
    return [
        Result(
            what=f"{drop}: median delay",
            ours=ours.median,
            unit="episodes",
            goal=65,
            higher_is_better=False,
            peer=adwin.median,
            peer_name=peer,
        ),
        Result(
            what=f"{drop}: 90 % found within",
            ours=ours.p90,
            unit="episodes",
            goal=140,
            higher_is_better=False,
            peer=adwin.p90,
            peer_name=peer,
            note="On 400 streams; over all streams, computed exactly, it is 140 (`scripts/test --full`).",
        ),
        Result(
            what="streams of 10,000 unchanged episodes with a false alarm",
            ours=ours.false_alarms,
            unit="of 1",
            goal=0.45,
            higher_is_better=False,
            peer=adwin.false_alarms,
            peer_name="river ADWIN",
        ),
    ]


def measure_flags() -> list[Result]:
    """Columns of AR(0.99) without any change, called changed at the 5 % level; evidently's default report beside us."""
    results: list[Result] = []
    for length in (900, 5000):
        found = false_flags(length)
        results.append(
            Result(
                what=f"200 unchanged AR(0.99) columns of {length} steps a side: flagged",
                ours=100 * found.ours,
                unit="%",
                goal=5,
                higher_is_better=False,
                peer=100 * found.evidently,
                peer_name="evidently 0.7.23",
                note=f"Of {100 * found.unknown:.1f} % we say that such data cannot tell.",
            )
        )
    return results
