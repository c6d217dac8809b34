"""A day of a fleet: at one site the cameras get dirty, drift is called there, somebody cleans them, all is well.

Usage: python -m physai.fleet_intelligence.examples.fault_story WORK_FOLDER [--robots 40] [--hours 22] [--pause 0]

Open the page meanwhile, and give each hour a moment with --pause 2:

    physai fleet-intelligence page serve --report WORK_FOLDER/report.json --store WORK_FOLDER/telemetry.duckdb
"""

import argparse
import time
from pathlib import Path

from physai.infrastructure.console import stdout

from ..drift.alerts import AlertBook
from ..drift.cusum import Level
from ..drift.explain import explain
from ..drift.watch import Watch
from ..telemetry.store import TelemetryStore
from .statistical_fleet import EPISODES, POLICY, Fault, Fleet

FAULT = Fault(site=2, begins_h=8, ends_h=14, success=0.3, sharpness=0.6)
EVALUATION = 1000  # episodes
LEVEL = Level(false_alarm=0.01, horizon=100_000)


def main(work: Path, robots: int, hours: int, pause_s: float) -> None:
    """Tell the story hour by hour; `drift watch` and `drift explain` do the same by hand."""
    fleet = Fleet(robots=robots, faults=[FAULT])
    store = TelemetryStore(work / "telemetry.duckdb")
    report = fleet.evaluation(EVALUATION)
    report.write(work / "report.json")
    watch = Watch(store, [report], LEVEL, AlertBook(work / "alerts"))
    for hour in range(hours):
        store.add(fleet.hour(hour))
        alerts = watch.look()
        for alert in alerts:
            say(f"hour {hour + 1:2d}: {alert.words()}")
            if alert.what == "drift":
                say(explain(store.events(policy=POLICY), recent=robots * EPISODES).words())
        if not alerts:
            say(f"hour {hour + 1:2d}: nothing new")
        time.sleep(pause_s)


def say(line: str) -> None:
    """One line, as it is."""
    stdout.print(line, markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--robots", type=int, default=40)
    parser.add_argument("--hours", type=int, default=22)
    parser.add_argument("--pause", type=float, default=0.0, help="seconds after each hour")
    asked = parser.parse_args()
    main(asked.work, asked.robots, asked.hours, asked.pause)
