"""The gate's numbers for Prometheus."""

from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from physai.infrastructure.contracts import GateStatus, Stage


class Metrics:
    """One registry per service, so that two in a process do not meet."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        labels = ("robot", "slot", "release", "package", "stage")
        self._policy = Gauge("physai_gate_policy", "A policy the robot holds; 1.", labels, registry=self._registry)
        self._stage = Gauge(
            "physai_gate_candidate_stage", "1 for the candidate's stage.", ("robot", "stage"), registry=self._registry
        )
        self._halted = Gauge(
            "physai_gate_halted", "Whether nothing may be activated.", ("robot",), registry=self._registry
        )
        self._hold = Gauge("physai_gate_hold", "Whether no episode may begin.", ("robot",), registry=self._registry)
        self._fault = Gauge("physai_gate_fault", "Whether the journal is damaged.", ("robot",), registry=self._registry)
        self._records = Gauge("physai_gate_audit_records", "Of the audit log.", ("robot",), registry=self._registry)
        self._episodes = Gauge(
            "physai_gate_trial_episodes", "Counted in the trial.", ("robot", "outcome"), registry=self._registry
        )
        self._shadow = Gauge(
            "physai_gate_shadow", "Of the candidate's run in shadow mode.", ("robot", "what"), registry=self._registry
        )
        self.decisions = Counter(
            "physai_gate_decisions", "Events, by outcome.", ("robot", "event", "outcome"), registry=self._registry
        )
        self.seconds = Histogram(
            "physai_gate_decision_seconds",
            "Time of a decision, its record on the disk.",
            ("robot",),
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5),
            registry=self._registry,
        )

    def render(self, status: GateStatus) -> bytes:
        """All of it, as text."""
        robot = status.robot
        self._policy.clear()
        for slot in ("candidate", "active", "last_good"):
            held = getattr(status, slot)
            if held:
                self._policy.labels(robot, slot, held.release, held.package, held.stage).set(1)
        for stage in get_args(Stage):
            self._stage.labels(robot, stage).set(bool(status.candidate and status.candidate.stage == stage))
        self._halted.labels(robot).set(status.halted is not None)
        self._hold.labels(robot).set(status.hold)
        self._fault.labels(robot).set(status.fault is not None)
        self._records.labels(robot).set(status.records)
        active = status.active
        self._episodes.labels(robot, "success").set(active.successes if active else 0)
        self._episodes.labels(robot, "failure").set(active.episodes - active.successes if active else 0)
        self._shadow.clear()
        for what in ("steps", "rms", "max_abs", "violations", "skipped") if status.shadow else ():
            self._shadow.labels(robot, what).set(getattr(status.shadow, what))
        return generate_latest(self._registry)
