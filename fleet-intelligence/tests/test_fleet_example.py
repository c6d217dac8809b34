"""The story in examples/: a site goes wrong and is mended."""

import subprocess
import sys
from pathlib import Path

from physai.fleet_intelligence.examples.statistical_fleet import Fault, Fleet
from physai.fleet_intelligence.telemetry.store import TelemetryStore


def test_a_fault_is_called_where_it_is_with_the_sensor_that_changed_and_its_end_is_told(tmp_path: Path) -> None:
    words = ["-m", "physai.fleet_intelligence.examples.fault_story", str(tmp_path), "--robots", "16", "--hours", "18"]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    told = [line for line in done.stdout.splitlines() if "nothing new" not in line]
    assert [line.split()[4] for line in told if line.startswith("hour")] == ["drift", "recovered"]
    assert "site plant-3" in told[0]
    assert told[1] == "site plant-3: camera"


def test_a_large_fleet_tells_the_same_again_for_the_same_seed(tmp_path: Path) -> None:
    fleet = Fleet(robots=300, faults=[Fault(site=0, begins_h=0, ends_h=1, success=0.5, sharpness=1.0)])
    store = TelemetryStore(tmp_path / "telemetry.duckdb")
    first, again = store.add(fleet.hour(0)), store.add(fleet.hour(0))
    assert (first.added, first.duplicates, first.conflicts) == (300 * 22, 0, ())
    assert (again.added, again.duplicates, again.conflicts) == (0, 300 * 22, ())
