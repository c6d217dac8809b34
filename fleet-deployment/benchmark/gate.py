"""How long the gate takes to decide, on this disk and without a network."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from physai.infrastructure.benchmark import Result
from physai.infrastructure.contracts import RobotCondition, Window

from ..gating import events as ev
from ..gating.gate import Gate
from ..gating.rules import AutoApproval, Evidence, GateRules
from ..gating.sequential import Baseline

ROUNDS = 200
GOAL_MS = 50


def measure(folder: Path) -> list[Result]:
    """A release comes in, a rule approves, conditions and window are checked, the switch begins: four decisions."""
    window = Window.model_validate({"start": "00:00", "end": "00:00", "time_zone": "Europe/Berlin"})
    rules = GateRules(windows=(window,), automatic=(AutoApproval(name="strong", min_success=0.9),))
    gate = Gate(folder, "robot-1", rules)
    decisions: list[float] = []
    for number in range(ROUNDS):
        decisions += _round(gate, f"release-{number}")
    start = time.perf_counter()
    again = Gate(folder, "robot-1")
    opened_s = time.perf_counter() - start
    records = again.status().records
    p50, p99 = (float(np.percentile(decisions, q)) for q in (50, 99))
    note = f"{len(decisions)} decisions, each checked, signed and fsynced; p99 {p99:.2f} ms"
    return [
        Result(what="a decision, median", ours=p50, unit="ms", goal=GOAL_MS, higher_is_better=False, note=note),
        Result(what="a decision, p99", ours=p99, unit="ms", goal=GOAL_MS, higher_is_better=False),
        Result(
            what="open after a power cut",
            ours=opened_s,
            unit="s",
            goal=5,
            higher_is_better=False,
            note=f"{records} records, every hash and signature checked",
        ),
    ]


def _round(gate: Gate, release: str) -> list[float]:
    """Milliseconds of each decision on one release's way in."""
    now = datetime.now(UTC)
    condition = RobotCondition(robot="robot-1", at=now, idle=True, mid_episode=False, e_stop=False)
    package = "sha256:" + release.encode().hex().rjust(64, "0")
    evidence = Evidence(baseline=Baseline(successes=450, episodes=500))
    reason = "the rule matches the evidence"
    at = now + timedelta(milliseconds=1)
    events: list[ev.Event] = [
        ev.Staged(at=now, release=release, package=package, evidence=evidence),
        ev.Presented(at=now, release=release),
        ev.Approved(at=now, release=release, package=package, by="rule:strong", reason=reason, automatic=True),
        ev.Began(at=at, release=release, condition=condition),
        ev.Activated(at=at, release=release),
    ]
    took = []
    for event in events:
        start = time.perf_counter()
        gate.send(event)
        took.append((time.perf_counter() - start) * 1e3)
    return took
