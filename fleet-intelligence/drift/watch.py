"""Drift as it happens: the test of every policy anew whenever the store has changed, each turn told once."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from physai.infrastructure.contracts import DriftReport, EvaluationReport

from ..telemetry.store import TelemetryStore
from .alerts import Alert, AlertBook
from .cusum import Level
from .onward import DriftSink
from .states import drift_states, place_of


class Watch:
    """Looks at a store, and tells what it has not told before."""

    def __init__(
        self,
        store: TelemetryStore,
        reports: Sequence[EvaluationReport],
        level: Level,
        book: AlertBook,
        onward: DriftSink | None = None,
    ) -> None:
        """Watch every policy that a report speaks of.

        Args:
            store: Where telemetry is.
            reports: Evaluations to hold production against.
            level: Of the drift test.
            book: Remembers what was told.
            onward: Is told of every state.
        """
        self._store, self._reports, self._level, self._book, self._onward = store, reports, level, book, onward

    def look(self) -> list[Alert]:
        """New alerts, in order; their drift reports are written before."""
        found: list[Alert] = []
        states = drift_states(self._store, self._reports, self._level)
        for report in (state.report for state in states if state.report is not None):
            turns = turns_of(report)
            if turns:
                report.write(self._book.folder / f"drift-{report.policy.removeprefix('sha256:')[:12]}.json")
            found += turns
        if self._onward is not None:
            self._onward.take(states)
        return self._book.tell(found)


def turns_of(report: DriftReport) -> list[Alert]:
    """Every drift and every recovery that a report holds, in order."""
    now = datetime.now(UTC).replace(microsecond=0)

    def alert(what: Literal["drift", "recovered"], number: int, episodes: int, production: float, where: str) -> Alert:
        return Alert(
            what=what,
            policy=report.policy,
            number=number,
            evaluation=report.report,
            told_at=now,
            episodes=episodes,
            production=production,
            baseline=report.baseline.value,
            where=where,
            drift=report.digest,
        )

    turns: list[Alert] = []
    overall = report.production.value
    for number, spell in enumerate(report.spells, start=1):
        turns.append(alert("drift", number, spell.detected_at, overall, "everywhere"))
        turns.append(alert("recovered", number, spell.recovered_at, overall, "everywhere"))
    if report.detected_at is not None and report.attribution is not None:
        part = report.attribution
        turns.append(alert("drift", len(report.spells) + 1, report.detected_at, part.inside.value, place_of(part)))
    return turns
